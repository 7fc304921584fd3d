"""Write a network as ONNX."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from model import Exported, SpineNet
from muscle_model import ExportedWithMuscles, MuscleDecoder

from qmri.segment.detect.channels import INPUT_CHANNELS


def export(
    network: SpineNet, path: Path, decoder: MuscleDecoder | None = None, own: SpineNet | None = None
) -> None:
    """Write the network with batch norm folded in, any number of slices of any padded size.

    With a decoder the answer has a second part, the muscles; ``own`` are features for it alone.
    """
    network = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    model, outputs = Exported(network).eval(), ["maps"]
    if decoder is not None:
        decoder = copy.deepcopy(decoder).to(memory_format=torch.contiguous_format)
        if own is not None:
            own = copy.deepcopy(own).to(memory_format=torch.contiguous_format)
        model, outputs = ExportedWithMuscles(network, decoder, own).eval(), ["maps", "muscles"]
    stack = torch.zeros(2, INPUT_CHANNELS, 96, 128)
    torch.onnx.export(
        model,
        (stack,),
        path,
        input_names=["stack"],
        output_names=outputs,
        dynamic_axes={name: {0: "n", 2: "y", 3: "z"} for name in ("stack", *outputs)},
        opset_version=17,
        dynamo=False,
    )
