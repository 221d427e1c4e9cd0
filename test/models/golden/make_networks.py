#!/usr/bin/env python3
"""Writes networks.json: every network of src/models but CLGAN (see make_clgan.py) once more in plain PyTorch.

Run it where PyTorch is installed (Debian: apt-get install python3-torch); the tests only read networks.json.
Weight i of the k-th member (in the order of PyTorch's state dict) is 0.1 (m / 2^31 - 1), m = (7919 i^2 + 2654435761 i +
40503 k) mod 2^32, plus 1 for batch norm's weights and running variances.
To add a network: a class with `logits(images)` and `generative()`, whose members are named as in src/models, and a row.
"""

import json
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from make_clgan import Generator, short

torch.set_num_threads(1)
CLASSES = 5
IMAGES = torch.tensor([(7 * i * i + 13 * i) % 256 for i in range(3 * 784)], dtype=torch.uint8).view(3, 28, 28)
SCALED = IMAGES.float() / 127.5 - 1
NOISE = torch.tensor([math.sin(0.7 * i) for i in range(4 * 100)], dtype=torch.float64).float().view(4, 100)


def leaky(x):
    return F.leaky_relu(x, 0.2)


class Trunk(nn.Module):
    """The generator's mirror: convolutions alone, with batch norm after the second and third or without."""

    def __init__(self, batch_norm):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, 2, 4)
        self.conv2 = nn.Conv2d(32, 64, 5, 2, 2)
        self.conv3 = nn.Conv2d(64, 128, 5, 2, 2)
        self.norm2 = nn.BatchNorm2d(64) if batch_norm else nn.Identity()
        self.norm3 = nn.BatchNorm2d(128) if batch_norm else nn.Identity()

    def forward(self, images):
        x = leaky(self.conv1(images.unsqueeze(1)))
        x = leaky(self.norm2(self.conv2(x)))
        return leaky(self.norm3(self.conv3(x))).flatten(1)


class Dcgan(nn.Module):
    def __init__(self, batch_norm=True):
        super().__init__()
        self.generator = Generator()
        self.trunk = Trunk(batch_norm)
        self.reality = nn.Linear(2048, 1)
        self.classes = nn.Linear(2048, CLASSES)

    def logits(self, images):
        return self.classes(self.trunk(images))

    def generative(self):
        """The logit that the discriminator gives the generator's images."""
        return self.reality(self.trunk(self.generator(NOISE)))


class Autoencoder(nn.Module):
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 32, 3, 2, 1)
            self.conv2 = nn.Conv2d(32, 64, 3, 2, 1)
            self.conv3 = nn.Conv2d(64, 128, 3, 2, 1)

        def forward(self, images):
            return leaky(self.conv3(leaky(self.conv2(leaky(self.conv1(images.unsqueeze(1)))))))

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(128, 64, 3, padding=1)
            self.conv2 = nn.Conv2d(64, 64, 3, padding=1)
            self.lstm = nn.LSTM(64, 256, batch_first=True)
            self.classes = nn.Linear(256, CLASSES)

        def forward(self, maps):
            x = leaky(self.conv2(leaky(self.conv1(maps))))
            return self.classes(self.lstm(x.flatten(2).transpose(1, 2))[0][:, -1])

    def __init__(self, output_norm=True):
        super().__init__()
        self.encoder = self.Encoder()
        self.latent = nn.Linear(2048, 100)
        self.decoder = Generator()
        if not output_norm:
            self.decoder.norm3 = nn.Identity()
        self.classifier = self.Classifier()

    def logits(self, images):
        return self.classifier(self.encoder(images))

    def generative(self):
        """Every 49th byte of the second image as it is reconstructed, then the mean absolute error of all."""
        made = self.decoder(self.latent(self.encoder(SCALED).flatten(1)))
        return torch.cat([made[1].flatten()[::49], F.l1_loss(made, SCALED).view(1)])


class CnnLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(28, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 128, 3, padding=1)
        self.conv3 = nn.Conv1d(128, 128, 3, padding=1)
        self.lstm = nn.LSTM(128, 64, batch_first=True)
        self.hidden = nn.Linear(448, 128)
        self.classes = nn.Linear(128, CLASSES)

    def logits(self, images):
        x = F.max_pool1d(F.relu(self.conv1(images)), 2)
        x = F.max_pool1d(F.relu(self.conv2(x)), 2)
        x = self.lstm(F.relu(self.conv3(x)).transpose(1, 2))[0]
        return self.classes(F.relu(self.hidden(x.flatten(1))))


class ByteSgan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = Generator()
        self.trunk = Trunk(False)
        self.classes = nn.Linear(2048, CLASSES)

    def logits(self, images):
        return self.classes(self.trunk(images))

    def generative(self):
        """log p(K + 1) of the generator's images by K + 1 outputs, the last of them 0; then of real ones log(1 - p(K + 1))."""
        padded = [F.pad(self.logits(x), (0, 1)).double().softmax(1)[:, -1] for x in (self.generator(NOISE), SCALED)]
        return torch.cat([padded[0].log(), torch.log1p(-padded[1])]).float()


class Patchwise(nn.Module):
    """Bytes in patches of 8, two patches joined; as convolutions that do not overlap."""

    takes_bytes = True

    def __init__(self, width=64, read=784):
        super().__init__()
        self.width, self.read = width, read
        self.embedding = nn.Embedding(257, 16)
        self.first = nn.Linear(128, width)
        self.second = nn.Linear(2 * width, 2 * width)
        self.classes = nn.Linear(4 * width, CLASSES)

    def logits(self, images):
        x = self.embedding(images.flatten(1)[:, : self.read].long()).transpose(1, 2)
        # A row of the matrix is a patch, byte after byte: as a kernel (O, I, K) it is turned.
        kernel = self.first.weight.view(self.width, 8, 16).transpose(1, 2)
        x = F.relu(F.conv1d(x, kernel, self.first.bias, stride=8))
        kernel = self.second.weight.view(2 * self.width, 2, self.width).transpose(1, 2)
        x = F.relu(F.conv1d(x, kernel, self.second.bias, stride=2))
        return self.classes(torch.cat([x.amax(2), x.mean(2)], 1))


class Bytewise(nn.Module):
    """Without dropout. The generative part is the fingerprint that the pre-training asks for."""

    takes_bytes = True

    class Trunk(nn.Module):
        class Residual(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm = nn.LayerNorm(128)
                self.across = nn.Conv1d(128, 128, 5, padding=2)
                self.within = nn.Conv1d(128, 128, 1)

            def forward(self, x):
                inner = F.gelu(self.across(self.norm(x).transpose(1, 2)))
                return x + self.within(inner).transpose(1, 2)

        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(257, 16)
            self.stem = nn.Conv1d(16, 128, 8, 4, 2)
            self.position = nn.Parameter(torch.zeros(1, 196, 128))
            self.early = self.Residual()
            self.late = nn.ModuleList([self.Residual(), self.Residual()])
            self.norm = nn.LayerNorm(128)

        def forward(self, symbols):
            x = self.stem(self.embedding(symbols).transpose(1, 2)).transpose(1, 2) + self.position
            x = F.max_pool1d(self.early(x).transpose(1, 2), 4).transpose(1, 2)
            for block in self.late:
                x = block(x)
            x = self.norm(x)
            return torch.cat([x.amax(1), x.mean(1)], 1)

    def __init__(self):
        super().__init__()
        self.trunk = self.Trunk()
        self.register_buffer("pairs", torch.zeros(65536, 128))
        self.register_buffer("places", torch.zeros(64 * 256, 128))
        self.register_buffer("center", torch.zeros(256))
        self.fingerprint = nn.Linear(256, 256)
        self.classes = nn.Linear(512, CLASSES)

    def logits(self, images):
        symbols = images.flatten(1).long()
        pairs = F.normalize(self.pairs[256 * symbols[:, :-1] + symbols[:, 1:]].sum(1))
        places = F.normalize(self.places[256 * torch.arange(64) + symbols[:, :64]].sum(1))
        pooled = F.normalize(self.trunk(symbols) - self.center)
        return self.classes(torch.cat([pooled, pairs, places], 1))

    def generative(self):
        """Every 7th number of the second image's fingerprint."""
        return self.fingerprint(self.trunk(IMAGES.flatten(1).long()))[1, ::7]


class EnhancedGenerator(nn.Module):
    """CLGAN's generator with its temporal enhancement; there are no logits to compare."""

    def __init__(self):
        super().__init__()
        self.generator = self.Enhanced()

    class Enhanced(Generator):
        class Enhancement(nn.Module):
            def __init__(self):
                super().__init__()
                self.lstm = nn.LSTM(28, 28, batch_first=True, bidirectional=True)
                self.project = nn.Linear(56, 28)

        def __init__(self):
            super().__init__()
            self.enhancement = self.Enhancement()

        def forward(self, z):
            x = self.project(z).view(-1, 128, 4, 4)
            x = leaky(self.norm1(self.up1(x)))
            x = leaky(self.norm2(self.up2(x)))
            x = self.norm3(self.up3(x)).view(-1, 28, 28)
            return torch.tanh(x + self.enhancement.project(self.enhancement.lstm(x)[0]))

    def generative(self):
        """Every 49th byte of the second generated image."""
        return self.generator(NOISE)[1].flatten()[::49]


def fill(network):
    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    for k, (name, tensor) in enumerate(state.items()):
        mixed = ((7919 * i * i + 2654435761 * i + 40503 * k) % 2**32 for i in range(tensor.numel()))
        values = [0.1 * (m / 2**31 - 1) for m in mixed]
        offset = 1 if name.endswith("running_var") or (".norm" in name and name.endswith("weight")) else 0
        tensor.copy_((torch.tensor(values, dtype=torch.float64) + offset).float().view(tensor.shape))
    return state


def gradients(network):
    return [
        [name, *short([p.grad.double().sum().item(), p.grad.double().norm().item()])]
        for name, p in network.named_parameters()
        if p.grad is not None
    ]


def row(model, options, make):
    network = make()
    state = fill(network)
    result = {
        "model": model,
        "options": options,
        "members": [[name, tensor.numel()] for name, tensor in state.items()],
    }
    if hasattr(network, "logits"):
        images = IMAGES if getattr(network, "takes_bytes", False) else SCALED
        network.eval()
        result["predicted"] = short(network.logits(images).flatten().tolist())
        network.train()
        logits = network.logits(images)
        loss = F.cross_entropy(logits, torch.tensor([0, 3, 1]))
        loss.backward()
        result["logits"] = short(logits.flatten().tolist())
        result["loss"] = loss.item()
        result["gradients"] = gradients(network)
    if hasattr(network, "generative"):
        fill(network)
        network.zero_grad(set_to_none=True)
        network.train()
        values = network.generative()
        values.sum().backward()
        result["generative"] = {
            "values": short(values.flatten().tolist()),
            "gradients": gradients(network),
        }
    return result


if __name__ == "__main__":
    golden = {
        "torch": torch.__version__,
        "rows": [
            row("clgan", {"enhancement": True}, EnhancedGenerator),
            row("dcgan", {}, Dcgan),
            row("dcgan", {"batchNorm": False}, lambda: Dcgan(False)),
            row("ae", {}, Autoencoder),
            row("ae", {"outputNorm": False}, lambda: Autoencoder(False)),
            row("cnn-lstm", {}, CnnLstm),
            row("bytesgan", {"dropout": 0}, ByteSgan),
            row("bytewise", {"dropout": 0}, Bytewise),
            row("patchwise", {}, Patchwise),
            row("patchwise", {"width": 16, "bytes": 256}, lambda: Patchwise(16, 256)),
        ],
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "networks.json")
    with open(path, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")
    print(f"{path}: {os.path.getsize(path)} bytes, PyTorch {torch.__version__}")
