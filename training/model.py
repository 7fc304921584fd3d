"""The network: a small 2.5-D U-Net, slices of water and fat in, classes and body centres out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qmri.segment.detect.channels import INPUT_CHANNELS, OUTPUT_CHANNELS

WIDTHS = (16, 32, 64, 112, 160)


class Block(nn.Sequential):
    """Two convolutions of 3 x 3 with batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class SpineNet(nn.Module):
    """U-Net of five levels behind a pixel-unshuffle stem, which halves the in-plane grid."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * INPUT_CHANNELS, widths[0], 1))
        self.down = nn.ModuleList(
            Block(inputs, outputs) for inputs, outputs in zip((widths[0], *widths[:-1]), widths, strict=True)
        )
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(Block(deep + shallow, shallow) for deep, shallow in pairs)
        self.head = nn.Sequential(nn.Conv2d(widths[0], 4 * OUTPUT_CHANNELS, 1), nn.PixelShuffle(2))
        # Most of an image is background and no centre: start from there.
        start = torch.zeros(OUTPUT_CHANNELS)
        start[0], start[-1] = 2.0, -3.0
        self.head[0].bias.data = start.repeat_interleave(4)
        self.pool = nn.MaxPool2d(2)
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, stack: Tensor) -> Tensor:
        """Return (n, OUTPUT_CHANNELS, y, z) logits of (n, INPUT_CHANNELS, y, z); y and z multiples of 32."""
        return self.answer(self.features(stack))

    def features(self, stack: Tensor) -> list[Tensor]:
        """Return the features of (n, INPUT_CHANNELS, y, z) at each level, finest first."""
        level = self.stem(stack)
        kept = []
        for number, block in enumerate(self.down):
            level = block(level if number == 0 else self.pool(level))
            kept.append(level)
        return kept

    def answer(self, features: list[Tensor]) -> Tensor:
        """Return (n, OUTPUT_CHANNELS, y, z) logits of the features."""
        kept = list(features)
        level = kept.pop()
        for block in self.up:
            level = block(torch.cat([self.grow(level), kept.pop()], dim=1))
        return self.head(level)


class Exported(nn.Module):
    """The network as it ships: probabilities instead of logits."""

    def __init__(self, network: SpineNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, stack: Tensor) -> Tensor:
        """Return class probabilities and, last, the centre map."""
        logits = self.network(stack)
        return torch.cat([torch.softmax(logits[:, :-1], dim=1), torch.sigmoid(logits[:, -1:])], dim=1)
