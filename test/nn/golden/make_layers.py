#!/usr/bin/env python3
"""Writes layers.json: outputs and gradients of the layers of src/nn/layers, made by torch.nn's.

Run it where PyTorch is installed (Debian: apt-get install python3-torch); the tests only read layers.json.
Differentiated is sum(output * probe) with probe[i] = cos(i).
"""

import json
import math
import os

import torch
import torch.nn as nn

torch.manual_seed(9)
torch.set_num_threads(1)
cases = []


def pack(tensor):
    return {"shape": list(tensor.shape), "values": [float(f"{v:.7g}") for v in tensor.detach().flatten().tolist()]}


def case(name, layer, shape, training=False, run=lambda layer, x: layer(x)):
    """`shape`: of the input; or the input itself, of integers, which have no gradient."""
    layer.train(training)
    integers = isinstance(shape, torch.Tensor)
    x = shape if integers else (torch.rand(*shape) * 2 - 1).requires_grad_()
    state = {key: pack(value) for key, value in layer.state_dict().items() if "num_batches" not in key}
    output = run(layer, x)
    count = math.prod(output.shape)
    probe = torch.tensor([math.cos(i) for i in range(count)], dtype=torch.float64).float().reshape(output.shape)
    (output * probe).sum().backward()
    gradients = {key: pack(value.grad) for key, value in layer.named_parameters()}
    found = {"name": name, "training": training, "state": state, "x": pack(x), "output": pack(output)}
    if not integers:
        found["xGradient"] = pack(x.grad)
    cases.append({**found, "gradients": gradients})


def moved(layer):
    """Batch norm that is no identity."""
    with torch.no_grad():
        for value in layer.state_dict().values():
            if value.dtype == torch.float32:
                value.add_(torch.rand(value.shape))
    return layer


case("linear", nn.Linear(4, 3), (5, 4))
case("conv1d", nn.Conv1d(3, 4, 5, padding=2), (2, 3, 7))
case("conv2d", nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 2, 5, 5))
case("conv-transpose2d", nn.ConvTranspose2d(3, 9, 5, stride=2, padding=2, output_padding=1), (2, 3, 3, 3))
case("batch-norm", moved(nn.BatchNorm1d(3)), (4, 3, 5), training=True)
case("batch-norm, prediction", moved(nn.BatchNorm1d(3)), (4, 3, 5))
case("lstm", nn.LSTM(3, 5, batch_first=True), (4, 6, 3), run=lambda layer, x: layer(x)[0])
case("lstm, both directions", nn.LSTM(3, 5, batch_first=True, bidirectional=True), (4, 6, 3), run=lambda layer, x: layer(x)[0])
case("dropout", nn.Dropout(0.5), (3, 4))

case("conv1d, depthwise and dilated", nn.Conv1d(4, 8, 3, padding=2, dilation=2, groups=4), (2, 4, 7))
case("layer-norm", moved(nn.LayerNorm(5)), (2, 3, 5))
case("embedding", nn.Embedding(6, 3), torch.tensor([[5, 0, 2, 0], [1, 1, 1, 5]]))
case("sequence-conv", nn.Conv1d(3, 4, 5, padding=2), (2, 7, 3), run=lambda layer, x: layer(x.mT).mT)
case(
    "sequence-conv, dilated, stride 2",
    nn.Conv1d(3, 4, 3, padding=1, dilation=2, stride=2),
    (3, 9, 3),
    run=lambda layer, x: layer(x.mT).mT,
)
case(
    "sequence-conv, depthwise",
    nn.Conv1d(5, 5, 3, padding=2, dilation=2, stride=2, groups=5),
    (11, 8, 5),
    run=lambda layer, x: layer(x.mT).mT,
)
case("sequence-conv, groups", nn.Conv1d(4, 6, 3, groups=2), (2, 6, 4), run=lambda layer, x: layer(x.mT).mT)

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__, "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
print(f"{path}: {len(cases)} cases, {os.path.getsize(path)} bytes, PyTorch {torch.__version__}")
