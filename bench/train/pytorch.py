#!/usr/bin/env python3
"""CLGAN's training step in PyTorch, as its own examples write it: the peer that bench/train compares flowglyph with.

    pytorch.py FOLDER eager|joint|compile

eager:   the order of pytorch/examples/dcgan: real and generated images go through the discriminator one after the
         other, and the generator's step computes the discriminator's gradients too
joint:   what flowglyph does, in PyTorch: both in one pass, the discriminator's weights frozen in the generator's step
compile: as joint, the networks through torch.compile

One command a line on standard input, one answer a line on standard output, both JSON (see peer-server.ts).
"""

import json
import os
import sys
import time

folder, mode = sys.argv[1], sys.argv[2]
with open(os.path.join(folder, "workload.json")) as file:
    workload = json.load(file)

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(workload["threads"])
torch.manual_seed(1)
batch, classes = workload["batch"], workload["classes"]


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(100, 2048)
        self.up1 = nn.ConvTranspose2d(128, 64, 5, stride=2, padding=2, output_padding=1)
        self.norm1 = nn.BatchNorm2d(64)
        self.up2 = nn.ConvTranspose2d(64, 32, 5, stride=2, padding=2, output_padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.up3 = nn.ConvTranspose2d(32, 1, 5, stride=2, padding=4, output_padding=1)
        self.norm3 = nn.BatchNorm2d(1)

    def forward(self, z):
        x = self.project(z).view(-1, 128, 4, 4)
        x = F.leaky_relu(self.norm1(self.up1(x)), 0.2)
        x = F.leaky_relu(self.norm2(self.up2(x)), 0.2)
        return torch.tanh(self.norm3(self.up3(x))).view(-1, 28, 28)


class Trunk(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.conv1 = nn.Conv1d(28, 128, 5, padding=2)
        self.conv2 = nn.Conv1d(128, 64, 5, padding=2)
        self.lstm = nn.LSTM(64, 256, batch_first=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images):
        x = F.leaky_relu(self.conv1(images), 0.2)
        x = F.leaky_relu(self.conv2(x), 0.2).transpose(1, 2)
        _, (final, _) = self.lstm(x)
        return self.dropout(final[-1])


class Clgan(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.generator = Generator()
        self.trunk = Trunk(dropout)
        self.reality = nn.Linear(256, 1)
        self.classes = nn.Linear(256, classes)


def read(name, dtype):
    with open(os.path.join(folder, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype)


all_images = read("images.bin", torch.uint8).view(-1, 28, 28)
all_labels = read("labels.bin", torch.int64)
weights = read("weights.bin", torch.float32)
noises = read("noise.bin", torch.float32).view(-1, batch, 100)
images, labels = all_images[:batch].clone(), all_labels[:batch].clone()


class Learner:
    def __init__(self, dropout):
        self.model = model = Clgan(dropout)
        state = model.state_dict()
        with torch.no_grad():
            for weight in workload["weights"]:
                target = state[weight["pytorch"]]
                target.copy_(weights[weight["offset"] :][: target.numel()].view(target.shape))
        model.train()
        trunk = list(model.trunk.parameters())
        self.discriminator = trunk + list(model.reality.parameters())
        rate = workload["learningRate"]
        self.optimize_d = torch.optim.Adam(self.discriminator, lr=rate, betas=(0.5, 0.999))
        self.optimize_g = torch.optim.Adam(model.generator.parameters(), lr=rate, betas=(0.5, 0.999))
        self.optimize_c = torch.optim.Adam(trunk + list(model.classes.parameters()), lr=rate)
        self.generate = model.generator
        self.judge = lambda x: model.reality(model.trunk(x))
        self.classify = lambda x: model.classes(model.trunk(x))
        if mode == "compile":
            self.generate = torch.compile(self.generate)
            self.judge = torch.compile(self.judge)
            self.classify = torch.compile(self.classify)
        self.adversarial = self.separate_step if mode == "eager" else self.joint_step

    def separate_step(self, images, noise=None):
        count = len(images)
        real = images.float() / 127.5 - 1
        ones, zeros = torch.ones(count, 1), torch.zeros(count, 1)
        noise = torch.rand(count, 100) * 2 - 1 if noise is None else noise
        self.optimize_d.zero_grad(set_to_none=True)
        on_real = F.binary_cross_entropy_with_logits(self.judge(real), ones)
        on_real.backward()
        generated = self.generate(noise)
        on_generated = F.binary_cross_entropy_with_logits(self.judge(generated.detach()), zeros)
        on_generated.backward()
        self.optimize_d.step()
        self.optimize_g.zero_grad(set_to_none=True)
        fooled = F.binary_cross_entropy_with_logits(self.judge(generated), ones)
        fooled.backward()
        self.optimize_g.step()
        return (on_real + on_generated).detach(), fooled.detach()

    def joint_step(self, images, noise=None):
        count = len(images)
        real = images.float() / 127.5 - 1
        ones, zeros = torch.ones(count, 1), torch.zeros(count, 1)
        generated = self.generate(torch.rand(count, 100) * 2 - 1 if noise is None else noise)
        self.optimize_d.zero_grad(set_to_none=True)
        logits = self.judge(torch.cat([real, generated.detach()]))
        loss = F.binary_cross_entropy_with_logits(logits[:count], ones)
        loss = loss + F.binary_cross_entropy_with_logits(logits[count:], zeros)
        loss.backward()
        self.optimize_d.step()
        for weight in self.discriminator:
            weight.requires_grad_(False)
        self.optimize_g.zero_grad(set_to_none=True)
        fooled = F.binary_cross_entropy_with_logits(self.judge(generated), ones)
        for weight in self.discriminator:
            weight.requires_grad_(True)
        fooled.backward()
        self.optimize_g.step()
        return loss.detach(), fooled.detach()

    def supervised(self, images, labels):
        self.optimize_c.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.classify(images.float() / 127.5 - 1), labels)
        loss.backward()
        self.optimize_c.step()
        return loss.detach()


def check():
    learner = Learner(0.0)
    pairs = [learner.adversarial(images, noise) for noise in noises]
    supervised = [learner.supervised(images, labels) for _ in noises]
    return {
        "discriminator": [d.item() for d, _ in pairs],
        "generator": [g.item() for _, g in pairs],
        "supervised": [loss.item() for loss in supervised],
    }


timed = Learner(workload["dropout"])


def epoch(phase):
    loader = DataLoader(TensorDataset(all_images, all_labels), batch_size=batch, shuffle=True)
    total = 0.0
    for some, answers in loader:
        total = total + (timed.supervised(some, answers) if phase == "supervised" else sum(timed.adversarial(some)))
    return float(total)


def run(phase, steps):
    before, start = time.process_time(), time.perf_counter()
    if steps is None:
        epoch(phase)
    for _ in range(steps or 0):
        if phase == "supervised":
            timed.supervised(images, labels)
        else:
            timed.adversarial(images)
    return {"wall": time.perf_counter() - start, "processor": time.process_time() - before}


def memory():
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    return {"rss": int(status["VmRSS"].split()[0]) * 1024, "peak": int(status["VmHWM"].split()[0]) * 1024}


def answer(value):
    print(json.dumps(value), flush=True)


answer({"version": f"PyTorch {torch.__version__}"})
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "check":
        answer(check())
    elif command["do"] == "memory":
        answer(memory())
    else:
        answer(run(command["phase"], command.get("steps")))
