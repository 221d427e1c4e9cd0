#!/usr/bin/env python3
"""Writes clgan.json: CLGAN written once more in plain PyTorch, on weights that a formula gives.

Run it where PyTorch is installed (Debian: apt-get install python3-torch); the tests only read clgan.json.
Weight i of the k-th member (in the order of the state dict of src/models/clgan.ts) is 0.1 * sin(1.3 i + k), plus 1 for
batch norm's weights and running variances.
"""

import json
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
CLASSES = 5


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(100, 2048)
        self.up1 = nn.ConvTranspose2d(128, 64, 5, 2, 2, 1)
        self.norm1 = nn.BatchNorm2d(64)
        self.up2 = nn.ConvTranspose2d(64, 32, 5, 2, 2, 1)
        self.norm2 = nn.BatchNorm2d(32)
        self.up3 = nn.ConvTranspose2d(32, 1, 5, 2, 4, 1)
        self.norm3 = nn.BatchNorm2d(1)

    def forward(self, z):
        x = self.project(z).view(-1, 128, 4, 4)
        x = F.leaky_relu(self.norm1(self.up1(x)), 0.2)
        x = F.leaky_relu(self.norm2(self.up2(x)), 0.2)
        return torch.tanh(self.norm3(self.up3(x))).view(-1, 28, 28)


class Attention(nn.Module):
    def __init__(self, queries):
        super().__init__()
        self.query = nn.Linear(queries, 64)
        self.key = nn.Linear(64, 64)
        self.value = nn.Linear(64, 64)

    def forward(self, asking, asked):
        weights = (self.query(asking) @ self.key(asked).transpose(1, 2) / 8).softmax(2)
        return weights @ self.value(asked)


class Trunk(nn.Module):
    def __init__(self, bidirectional, attention):
        super().__init__()
        self.conv1 = nn.Conv1d(28, 128, 5, padding=2)
        self.conv2 = nn.Conv1d(128, 64, 5, padding=2)
        self.lstm = nn.LSTM(64, 256, batch_first=True, bidirectional=bidirectional)
        self.features = 512 if bidirectional else 256
        if attention:
            self.attention = Attention(self.features)
        self.bidirectional, self.attends = bidirectional, attention
        self.features += 64 if attention else 0

    def forward(self, images):
        x = F.leaky_relu(self.conv1(images), 0.2)
        spatial = F.leaky_relu(self.conv2(x), 0.2).transpose(1, 2)
        states, (final, _) = self.lstm(spatial)
        features = torch.cat(list(final), 1)
        if self.attends:
            features = torch.cat([features, self.attention(states, spatial).mean(1)], 1)
        return features


class Clgan(nn.Module):
    def __init__(self, bidirectional, attention):
        super().__init__()
        self.generator = Generator()
        self.trunk = Trunk(bidirectional, attention)
        self.reality = nn.Linear(self.trunk.features, 1)
        self.classes = nn.Linear(self.trunk.features, CLASSES)

    def logits(self, images):
        return self.classes(self.trunk(images.float() / 127.5 - 1))


def short(values):
    return [float(f"{v:.8g}") for v in values]


def variant(bidirectional, attention):
    model = Clgan(bidirectional, attention)
    state = {k: v for k, v in model.state_dict().items() if "num_batches" not in k}
    for k, (name, tensor) in enumerate(state.items()):
        values = [0.1 * math.sin(1.3 * i + k) for i in range(tensor.numel())]
        offset = 1 if name.endswith("running_var") or (".norm" in name and name.endswith("weight")) else 0
        tensor.copy_((torch.tensor(values, dtype=torch.float64) + offset).float().view(tensor.shape))
    images = torch.tensor([(7 * i * i + 13 * i) % 256 for i in range(3 * 784)], dtype=torch.uint8).view(3, 28, 28)
    logits = model.logits(images)
    loss = F.cross_entropy(logits, torch.tensor([0, 3, 1]))
    loss.backward()
    gradients = [
        [name, *short([p.grad.double().sum().item(), p.grad.double().norm().item()])]
        for name, p in model.named_parameters()
        if p.grad is not None
    ]
    noise = torch.tensor([math.sin(0.7 * i) for i in range(4 * 100)], dtype=torch.float64).float().view(4, 100)
    model.train()
    generated = model.generator(noise)
    reality = model.reality(model.trunk(generated))
    model.zero_grad()
    F.binary_cross_entropy_with_logits(reality, torch.ones(4, 1)).backward()
    norms = [m for m in model.generator.modules() if isinstance(m, nn.BatchNorm2d)]
    return {
        "bidirectional": bidirectional,
        "attention": attention,
        "members": [[name, tensor.numel()] for name, tensor in state.items()],
        "logits": short(logits.flatten().tolist()),
        "loss": loss.item(),
        "gradients": gradients,
        "generated": short(generated[1].flatten()[::49].tolist()),
        "reality": short(reality.flatten().tolist()),
        "runningMean": short(norms[2].running_mean.tolist()),
        "runningVariance": short(norms[2].running_var.tolist()),
        "projectGradient": short(model.generator.project.weight.grad.flatten()[::20483].tolist()),
    }


if __name__ == "__main__":
    golden = {
        "torch": torch.__version__,
        "variants": [variant(False, False), variant(True, False), variant(False, True), variant(True, True)],
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clgan.json")
    with open(path, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")
    print(f"{path}: {os.path.getsize(path)} bytes, PyTorch {torch.__version__}")
