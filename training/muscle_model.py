"""The muscles' decoder: a second answer from the trained network's own view of the slices.

The network stays as it is, weight by weight, so that what it says of bodies and names does not change with
the muscles. Its five levels of features lead into a narrower way up, joined at the top by a stem of its own,
which sees what the frozen one was not taught to keep.
"""

from __future__ import annotations

import torch
from model import WIDTHS, Block, SpineNet
from torch import Tensor, nn

from qmri.segment.detect.channels import INPUT_CHANNELS, MUSCLE_CHANNELS

MUSCLE_WIDTHS = (16, 24, 32, 48)
OWN = 8


class MuscleDecoder(nn.Module):
    """From the slices and the network's features of them, coarsest last, to logits of the muscles."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * INPUT_CHANNELS, OWN, 1, bias=False),
            nn.BatchNorm2d(OWN),
            nn.ReLU(),
        )
        below = (*MUSCLE_WIDTHS[1:], WIDTHS[-1])
        beside = (WIDTHS[0] + OWN, *WIDTHS[1:-1])
        self.up = nn.ModuleList(
            Block(deep + kept, width) for deep, kept, width in zip(below, beside, MUSCLE_WIDTHS, strict=True)
        )
        self.head = nn.Sequential(nn.Conv2d(MUSCLE_WIDTHS[0], 4 * MUSCLE_CHANNELS, 1), nn.PixelShuffle(2))
        start = torch.zeros(MUSCLE_CHANNELS)
        start[0] = 2.0
        self.head[0].bias.data = start.repeat_interleave(4)
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, stack: Tensor, features: list[Tensor]) -> Tensor:
        """Return (n, MUSCLE_CHANNELS, y, z) logits."""
        level = features[-1]
        for number in range(len(self.up) - 1, -1, -1):
            beside = [features[number]] if number else [features[number], self.stem(stack)]
            level = self.up[number](torch.cat([self.grow(level), *beside], dim=1))
        return self.head(level)


class MuscleNetwork(nn.Module):
    """The decoder on features of its own: a copy of the network that goes on learning, for muscles alone."""

    def __init__(self, trunk: SpineNet, decoder: MuscleDecoder) -> None:
        super().__init__()
        self.network, self.decoder = trunk, decoder

    def forward(self, stack: Tensor) -> Tensor:
        """Return (n, MUSCLE_CHANNELS, y, z) logits."""
        return self.decoder(stack, self.network.features(stack))


class ExportedWithMuscles(nn.Module):
    """The network with both answers, as it ships: probabilities instead of logits.

    With ``own`` the muscles are seen with features of their own.
    """

    def __init__(self, network: SpineNet, decoder: MuscleDecoder, own: SpineNet | None = None) -> None:
        super().__init__()
        self.network, self.decoder, self.own = network, decoder, own

    def forward(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps of `Exported`, and the probabilities of no muscle and of each."""
        features = self.network.features(stack)
        logits = self.network.answer(features)
        maps = torch.cat([torch.softmax(logits[:, :-1], dim=1), torch.sigmoid(logits[:, -1:])], dim=1)
        # Written out: as one operation along this axis it takes longer than the decoder.
        seen = features if self.own is None else self.own.features(stack)
        odds = torch.exp(torch.clamp(self.decoder(stack, seen), -40.0, 40.0))
        return maps, odds / odds.sum(dim=1, keepdim=True)
