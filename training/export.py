"""Write a network as ONNX."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from model import Exported, SpineNet

from qmri.segment.detect.channels import INPUT_CHANNELS


def export(network: SpineNet, path: Path) -> None:
    """Write the network with batch norm folded in, any number of slices of any padded size."""
    model = Exported(copy.deepcopy(network).to(memory_format=torch.contiguous_format)).eval()
    stack = torch.zeros(2, INPUT_CHANNELS, 96, 128)
    torch.onnx.export(
        model,
        (stack,),
        path,
        input_names=["stack"],
        output_names=["maps"],
        dynamic_axes={"stack": {0: "n", 2: "y", 3: "z"}, "maps": {0: "n", 2: "y", 3: "z"}},
        opset_version=17,
        dynamo=False,
    )
