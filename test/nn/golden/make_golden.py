#!/usr/bin/env python3
"""Writes golden.json: outputs and gradients of every operation, made by PyTorch.

Run it where PyTorch is installed (Debian: apt-get install python3-torch); the tests only read golden.json.
The scalar that is differentiated is sum(output * probe) with probe[i] = cos(i), so that no gradient is trivially equal.
"""

import json
import math
import os

import torch
import torch.nn.functional as F

torch.manual_seed(7)
torch.set_num_threads(1)


def pack(tensor):
    values = tensor.detach().double().flatten().tolist()
    return {"shape": list(tensor.shape), "values": [float(f"{v:.7g}") for v in values]}


def probe(shape):
    count = math.prod(shape)
    return torch.tensor([math.cos(i) for i in range(count)], dtype=torch.float64).float().reshape(shape)


def positive(*shape):
    return torch.rand(*shape) + 0.5


def signed(*shape):
    return torch.rand(*shape) * 2 - 1


def spread(*shape):
    """Distinct values far from each other and from 0: max and relu have no ties and no kinks nearby."""
    count = math.prod(shape)
    return ((torch.randperm(count).float() - count / 2 + 0.25) / 4).reshape(shape)


cases = []


def case(name, function, inputs, constants=None, extras=None):
    leaves = {key: value.clone().requires_grad_() for key, value in inputs.items()}
    constants = constants or {}
    before = {key: pack(value) for key, value in constants.items()}
    output = function(**leaves, **constants)
    (output * probe(output.shape)).sum().backward()
    cases.append(
        {
            "name": name,
            "inputs": {key: pack(value) for key, value in inputs.items()},
            "constants": before,
            "output": pack(output),
            "gradients": {key: pack(value.grad) for key, value in leaves.items()},
            "after": {key: pack(constants[key]) for key in (extras or [])},
        }
    )


a, b, row = signed(2, 3), positive(2, 3), positive(3)
case("add", lambda a, b: a + b, {"a": a, "b": row})
case("subtract", lambda a, b: a - b, {"a": a, "b": row})
case("multiply", lambda a, b: a * b, {"a": a, "b": row})
case("divide", lambda a, b: a / b, {"a": a, "b": row})
case("pow", lambda x: x.pow(2.5), {"x": b})
case("clamp", lambda x: x.clamp(-1, 0.5), {"x": spread(3, 4)})
case("negate", lambda x: -x, {"x": a})
case("exp", torch.exp, {"input": a})
case("log", torch.log, {"input": b})
case("sqrt", torch.sqrt, {"input": b})
case("abs", torch.abs, {"input": spread(3, 4)})
case("affine", lambda x: x * 0.5 - 3, {"x": a})
case("matmul", lambda a, b: a @ b, {"a": signed(2, 3, 4), "b": signed(2, 4, 2)})
case("sum", lambda x: x.sum((0, 2)), {"x": signed(2, 3, 4)})
case("mean", lambda x: x.mean(1), {"x": signed(2, 3, 4)})
case("reshape", lambda x: x.reshape(-1, 6), {"x": signed(2, 3, 4)})
case("permute", lambda x: x.permute(2, 0, 1), {"x": signed(2, 3, 4)})
case("expand", lambda x: x.unsqueeze(1).expand(2, 3, 2), {"x": signed(2, 2)})
case("select", lambda x: x.select(1, -1), {"x": signed(2, 3, 4)})
case("slice", lambda x: x[:, 1:3], {"x": signed(2, 4)})
case("indexSelect", lambda x: x.index_select(0, torch.tensor([2, 0, 2])), {"x": signed(3, 2)})
case("concat", lambda a, b: torch.cat([a, b], 1), {"a": signed(2, 3), "b": signed(2, 2)})
case("stack", lambda a, b: torch.stack([a, b], 1), {"a": signed(2, 3), "b": signed(2, 3)})
case("relu", F.relu, {"input": spread(3, 4)})
case("leakyRelu", lambda x: F.leaky_relu(x, 0.2), {"x": spread(3, 4)})
case("tanh", torch.tanh, {"input": a * 3})
case("sigmoid", torch.sigmoid, {"input": a * 5})
case("softmax", lambda x: x.softmax(1), {"x": a * 3})
case("logSoftmax", lambda x: x.log_softmax(1), {"x": a * 3})
case("linear", F.linear, {"input": signed(3, 4), "weight": signed(2, 4), "bias": signed(2)})
case(
    "conv1d",
    lambda x, weight, bias: F.conv1d(x, weight, bias, stride=2, padding=2),
    {"x": signed(2, 3, 7), "weight": signed(2, 3, 5), "bias": signed(2)},
)
case(
    "conv2d",
    lambda x, weight, bias: F.conv2d(x, weight, bias, stride=2, padding=1),
    {"x": signed(2, 2, 5, 5), "weight": signed(3, 2, 3, 3), "bias": signed(3)},
)
case(
    "convTranspose2d",
    lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, stride=2, padding=2, output_padding=1),
    {"x": signed(2, 2, 3, 3), "weight": signed(2, 1, 5, 5), "bias": signed(1)},
)
statistics = {"runningMean": signed(2), "runningVariance": positive(2)}
case(
    "batchNormTraining",
    lambda x, weight, bias, runningMean, runningVariance: F.batch_norm(
        x, runningMean, runningVariance, weight, bias, True, 0.1, 1e-5
    ),
    {"x": signed(3, 2, 4), "weight": positive(2), "bias": signed(2)},
    {key: value.clone() for key, value in statistics.items()},
    ["runningMean", "runningVariance"],
)
case(
    "batchNormPrediction",
    lambda x, weight, bias, runningMean, runningVariance: F.batch_norm(
        x, runningMean, runningVariance, weight, bias, False, 0.1, 1e-5
    ),
    {"x": signed(3, 2, 4), "weight": positive(2), "bias": signed(2)},
    {key: value.clone() for key, value in statistics.items()},
    ["runningMean", "runningVariance"],
)


def lstm(x, **weights):
    directions = len(weights) // 4
    hidden = weights["hiddenHidden0"].shape[1]
    zeros = torch.zeros(directions, x.shape[0], hidden)
    return torch.lstm(x, (zeros, zeros), list(weights.values()), True, 1, 0.0, True, directions == 2, True)[0]


def lstm_weights(directions, inputs, hidden):
    weights = {}
    for d in range(directions):
        weights[f"inputHidden{d}"] = signed(4 * hidden, inputs)
        weights[f"hiddenHidden{d}"] = signed(4 * hidden, hidden)
        weights[f"inputBias{d}"] = signed(4 * hidden)
        weights[f"hiddenBias{d}"] = signed(4 * hidden)
    return weights


case("lstm", lstm, {"x": signed(2, 5, 3), **lstm_weights(1, 3, 4)})
case("lstmBidirectional", lstm, {"x": signed(3, 4, 2), **lstm_weights(2, 2, 3)})
case("maxPool1d", lambda x: F.max_pool1d(x, 2), {"x": spread(2, 2, 5)})
case("maxPool2d", lambda x: F.max_pool2d(x, 2), {"x": spread(1, 2, 4, 4)})

classes = torch.tensor([2, 0, 1, 2])
case("bceWithLogits", lambda x: F.binary_cross_entropy_with_logits(x, (probe((4, 1)) > 0).float()), {"x": signed(4, 1) * 3})
case("crossEntropy", lambda x: F.cross_entropy(x, classes), {"x": signed(4, 3) * 3})
case("nll", lambda x: F.nll_loss(x, classes), {"x": signed(4, 3)})
case("l1", lambda x: F.l1_loss(x, probe((2, 3))), {"x": signed(2, 3)})
case("mse", lambda x: F.mse_loss(x, probe((2, 3))), {"x": signed(2, 3)})


def adam_trace(make, clip=None):
    """Five steps of an optimizer on f(p, q) = sum(exp(p) * probe) + sum(q^4 * probe): the values after each step."""
    p, q = signed(2, 3).requires_grad_(), signed(4).requires_grad_()
    start = [pack(p), pack(q)]
    optimizer = make(p, q)
    steps = []
    for _ in range(5):
        optimizer.zero_grad()
        ((p.exp() * probe((2, 3))).sum() + (q.pow(4) * probe((4,))).sum()).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([p, q], clip)
        optimizer.step()
        steps.append([pack(p), pack(q)])
    return {"start": start, "steps": steps}


adam = adam_trace(lambda p, q: torch.optim.Adam([p, q], lr=0.05, betas=(0.5, 0.999), eps=1e-8))
case("unsqueeze", lambda x: x.unsqueeze(1), {"x": signed(2, 3)})
case("squeeze", lambda x: x.squeeze(1), {"x": signed(2, 1, 3)})
case("logSumExp", lambda x: x.logsumexp(1), {"x": signed(4, 3) * 3})
case(
    "convTranspose2dManyOutputs",
    lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, stride=2, padding=2, output_padding=1),
    {"x": signed(2, 3, 3, 2), "weight": signed(3, 9, 5, 5), "bias": signed(9)},
)
# More sequences than one thread takes at a time, and no multiple of that.
case("lstmManySequences", lstm, {"x": signed(67, 3, 2), **lstm_weights(2, 2, 3)})
case("max", lambda x: x.max(1).values, {"x": spread(2, 3, 4)})
case("where", lambda x, y: torch.where(probe((2, 3)) > 0, x, y), {"x": signed(2, 3), "y": signed(3)})
case("whereNumber", lambda x: torch.where(probe((2, 3)) > 0, x, torch.tensor(0.5)), {"x": signed(2, 3)})
case("gelu", F.gelu, {"input": signed(3, 4) * 4})
case("silu", F.silu, {"input": signed(3, 4) * 4})
case(
    "layerNorm",
    lambda x, weight, bias: F.layer_norm(x, (5,), weight, bias, 1e-5),
    {"x": signed(2, 3, 5) * 3, "weight": signed(5), "bias": signed(5)},
)
symbols = torch.tensor([[3, 0, 2], [3, 3, 1]])
case("embedding", lambda weight: F.embedding(symbols, weight), {"weight": signed(5, 3)})
case(
    "conv1dDilated",
    lambda x, weight, bias: F.conv1d(x, weight, bias, stride=2, padding=3, dilation=2),
    {"x": signed(2, 3, 9), "weight": signed(4, 3, 3), "bias": signed(4)},
)
case(
    "conv1dGroups",
    lambda x, weight, bias: F.conv1d(x, weight, bias, padding=1, groups=2),
    {"x": signed(2, 4, 6), "weight": signed(6, 2, 3), "bias": signed(6)},
)
case(
    "conv1dDepthwise",
    lambda x, weight, bias: F.conv1d(x, weight, bias, padding=2, groups=4),
    {"x": signed(2, 4, 7), "weight": signed(4, 1, 5), "bias": signed(4)},
)
shares = torch.tensor([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0], [0.3, 0.3, 0.4], [0.6, 0.1, 0.3]])
case("crossEntropyRows", lambda x: F.cross_entropy(x, classes, reduction="none", label_smoothing=0.1), {"x": signed(4, 3) * 3})
case("crossEntropyRowsSoft", lambda x: F.cross_entropy(x, shares, reduction="none"), {"x": signed(4, 3) * 3})
case("klDivergenceRows", lambda x: F.kl_div(x.log_softmax(1), shares, reduction="none").sum(1), {"x": signed(4, 3) * 3})
case(
    "softCrossEntropy",
    lambda x, weights: (F.cross_entropy(x, shares, reduction="none", label_smoothing=0.2) * weights).mean(),
    {"x": signed(4, 3), "weights": positive(4)},
)
case("klDivergence", lambda x: F.kl_div(x.log_softmax(1), shares, reduction="batchmean"), {"x": signed(4, 3)})
case(
    "maskedByteLoss",
    lambda x, weight, bias: F.cross_entropy(F.linear(x.reshape(6, 2)[[4, 1, 5]], weight, bias), torch.tensor([3, 0, 4])),
    {"x": signed(2, 3, 2), "weight": signed(5, 2), "bias": signed(5)},
)
case(
    "sequenceConv",
    lambda x, weight, bias: F.conv1d(x.mT, weight, bias, padding=2, stride=2).mT,
    {"x": signed(3, 9, 2), "weight": signed(4, 2, 5), "bias": signed(4)},
)
case("sequenceMaxPool", lambda x: F.max_pool1d(x.mT, 3).mT, {"x": spread(2, 8, 3)})
# Decay on p alone; the norm is above the bound at first and below it later.
adamw = adam_trace(
    lambda p, q: torch.optim.AdamW(
        [{"params": [p], "weight_decay": 0.3}, {"params": [q], "weight_decay": 0.0}], lr=0.4, betas=(0.9, 0.99)
    ),
    clip=1.0,
)


def one_cycle(steps):
    """The learning rate of each step, of 1 at its highest."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1, total_steps=steps, cycle_momentum=False)
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < steps:
            schedule.step()
    return rates


golden = {"torch": torch.__version__, "cases": cases, "adam": adam, "adamw": adamw, "oneCycle": [one_cycle(n) for n in (7, 40)]}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json")
with open(path, "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
print(f"{path}: {len(cases)} cases, {os.path.getsize(path)} bytes, PyTorch {torch.__version__}")
