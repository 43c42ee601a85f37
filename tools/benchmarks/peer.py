"""PyTorch doing the work of tools/benchmarks/*.cpp, by the same names and requests (see main.cpp):
the peer of tools/bench. It is never needed to build, test or run Gradus."""
import functools
import importlib.util
import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
ROWS = (8192, 256)


def both_ways(shape, f):
    x = torch.randn(shape, requires_grad=True)
    g = torch.randn(shape)

    def once():
        x.grad = None
        f(x).backward(g)

    return once


def chain(shape):
    x = torch.randn(shape, requires_grad=True)
    b = (torch.randn(shape) * 0.1).requires_grad_()

    def once():
        x.grad = b.grad = None
        y = x
        for _ in range(500):
            y = y * b + x
        y.sum().backward()

    return once


def long_chain():
    x, a, b = (torch.randn(1000000, requires_grad=True) for _ in range(3))

    def once():
        x.grad = a.grad = b.grad = None
        torch.sigmoid(torch.tanh(x * a + b) * a - b).sum().backward()

    return once


def deep_graph():
    x = torch.tensor(0.5, requires_grad=True)

    def once():
        x.grad = None
        y = x
        for _ in range(1000000):
            y = -y
        y.backward()

    return once


def forward_only(f):
    x = torch.randn(1000000)

    def once():
        with torch.no_grad():
            f(x)

    return once


def product(n):
    a, b = (torch.randn(n, n, requires_grad=True) for _ in range(2))
    g = torch.randn(n, n)

    def once():
        a.grad = b.grad = None
        (a @ b).backward(g)

    return once


def layer_of(layer, inputs, outputs):
    x = torch.randn(inputs, requires_grad=True)
    g = torch.randn(outputs)

    def once():
        x.grad = layer.weight.grad = layer.bias.grad = None
        layer(x).backward(g)

    return once


def entropy():
    x = torch.randn(ROWS, requires_grad=True)
    ids = torch.randint(0, 256, (8192,))

    def once():
        x.grad = None
        F.cross_entropy(x, ids).backward()

    return once


def rope(n):
    shape = (4, 8, n, 32)
    q, k = (torch.randn(shape, requires_grad=True) for _ in range(2))
    turn = torch.arange(n)[:, None] * 10000 ** (-torch.arange(16) / 16)[None, :]
    factor = torch.polar(torch.ones_like(turn), turn)

    def rotate(x):  # pairs as complex numbers: the fastest form
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * factor).flatten(-2)

    def once():
        q.grad = k.grad = None
        (rotate(q).sum() + rotate(k).sum()).backward()

    return once


def ropepool(n, stacked):
    shape = (4, 8, n, 32)
    q, k = (torch.randn(shape, requires_grad=True) for _ in range(2))
    f = (10000 ** (-torch.arange(128) / 128)).reshape(8, 1, 16).requires_grad_()
    times = torch.arange(n)[:, None]

    def pool(x, c, s):
        pairs = x.unflatten(-1, (-1, 2))
        if stacked:
            return (pairs * torch.stack((c + s, c - s), -1)).sum(-1)
        return pairs[..., 0] * (c + s) + pairs[..., 1] * (c - s)

    def once():
        q.grad = k.grad = f.grad = None
        turn = times * f
        c, s = turn.cos(), turn.sin()
        (pool(q, c, s).sum() + pool(k, c, s).sum()).backward()

    return once


def softmax_plain(q, k, v, bias=None):
    n = q.shape[-2]
    mask = torch.full((n, n), float("-inf")).triu(1)
    if bias is not None:
        mask = mask + bias
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask
    return torch.softmax(scores, -1) @ v


def softmax_fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def phi(x):
    return F.elu(x) + 1


def linear_chunked(q, k, v, chunk=64):
    """State of the chunks before, triangle inside: the best composition of plain operations."""
    q, k = phi(q), phi(k)
    b, h, n, d = q.shape
    v = torch.cat([v, torch.ones(b, h, n, 1)], -1)
    qc, kc, vc = (t.reshape(b, h, n // chunk, chunk, -1) for t in (q, k, v))
    sums = kc.transpose(-1, -2) @ vc
    before = sums.cumsum(2) - sums
    y = qc @ before + (qc @ kc.transpose(-1, -2)).tril() @ vc
    y = y.reshape(b, h, n, -1)
    return y[..., :-1] / y[..., -1:]


def linear_compiled(q, k, v):
    """The CPU kernel of pip's pytorch-fast-transformers (Katharopoulos et al. 2020), where that is installed."""
    from fast_transformers.causal_product import causal_dot_product
    q, k = phi(q), phi(k)
    return causal_dot_product(q, k, v) / (q * k.cumsum(2)).sum(-1, keepdim=True)


def linear_both(q, k, v):
    q, k = phi(q), phi(k)
    return (q @ (k.transpose(-1, -2) @ v)) / (q @ k.sum(-2, keepdim=True).transpose(-1, -2))


def attention(f, n):
    q, k, v = (torch.randn(4, 8, n, 32, requires_grad=True) for _ in range(3))

    def once():
        q.grad = k.grad = v.grad = None
        f(q, k, v).sum().backward()

    return once


def alibi(q, k, v):
    h, n = q.shape[1], q.shape[2]
    lag = torch.arange(n)[:, None] - torch.arange(n)[None, :]
    slopes = 2.0 ** (-8 * torch.arange(1, h + 1) / h)
    return softmax_plain(q, k, v, -slopes[:, None, None] * lag)


class Block(nn.Module):
    def __init__(self, attend):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(128), nn.LayerNorm(128)
        self.qkv, self.out = nn.Linear(128, 384), nn.Linear(128, 128)
        self.wide, self.narrow = nn.Linear(128, 512), nn.Linear(512, 128)
        self.attend = attend

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, 4, d // 4).permute(2, 0, 3, 1, 4).contiguous().unbind(0)
        x = x + self.out(self.attend(q, k, v).transpose(1, 2).reshape(b, n, d))
        return x + self.narrow(F.gelu(self.wide(self.norm2(x))))


def training_step(attend):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(128, 128)
            self.places = nn.Parameter(torch.randn(256, 128) * 0.1)
            self.blocks = nn.Sequential(Block(attend), Block(attend))
            self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 128)

        def forward(self, ids):
            return self.head(self.norm(self.blocks(self.tokens(ids) + self.places)))

    model = Model()
    adam = torch.optim.Adam(model.parameters(), 1e-3)
    ids, following = torch.randint(0, 128, (8, 256)), torch.randint(0, 128, (8 * 256,))

    def once():
        adam.zero_grad(set_to_none=True)
        F.cross_entropy(model(ids).view(-1, 128), following).backward()
        adam.step()

    return once


def cases():
    """name -> forms; where there are several the fastest counts."""
    fused = hasattr(F, "scaled_dot_product_attention")

    def softmax(make):
        forms = {"fused": lambda: make(softmax_fused)} if fused else {}
        # Above this length the plain form takes gigabytes.
        if make is training_step or make.keywords["n"] <= 1024 or not fused:
            forms["plain"] = lambda: make(softmax_plain)
        return forms

    all_cases = {
        "tiny_scalar": {"eager": lambda: chain(())},
        "tiny_16": {"eager": lambda: chain((16,))},
        "graph_1e6": {"eager": deep_graph},
        "chain_1e6": {"eager": long_chain},
        "exp_1e6": {"eager": lambda: forward_only(torch.exp)},
        "tanh_1e6": {"eager": lambda: forward_only(torch.tanh)},
        "gelu_1e6": {"eager": lambda: forward_only(F.gelu)},
        "softmax_rows": {"eager": lambda: both_ways(ROWS, lambda x: torch.softmax(x, -1))},
        "gelu_rows": {"eager": lambda: both_ways(ROWS, F.gelu)},
        "layer_norm": {"eager": lambda: layer_of(nn.LayerNorm(256), ROWS, ROWS)},
        "cross_entropy": {"eager": entropy},
        "matmul_64": {"eager": lambda: product(64)},
        "matmul_512": {"eager": lambda: product(512)},
        "linear": {"eager": lambda: layer_of(nn.Linear(128, 512), (2048, 128), (2048, 512))},
        "rope_1024": {"complex": lambda: rope(1024)},
        "ropepool_1024": {"sliced": lambda: ropepool(1024, False), "stacked": lambda: ropepool(1024, True)},
        "bidirectional_1024": {"composed": lambda: attention(linear_both, 1024)},
        "alibi_1024": {"plain": lambda: attention(alibi, 1024)},
        "step_softmax": softmax(training_step),
        "step_linear": {"chunked": lambda: training_step(linear_chunked)},
    }
    for n in (256, 1024, 4096):
        all_cases[f"softmax_{n}"] = softmax(functools.partial(attention, n=n))
        all_cases[f"linear_{n}"] = {"chunked": lambda n=n: attention(linear_chunked, n)}
        if importlib.util.find_spec("fast_transformers"):
            all_cases[f"linear_{n}"]["compiled"] = lambda n=n: attention(linear_compiled, n)
    return all_cases


OPS = {"tiny_scalar": 1000, "tiny_16": 1000}


def run(name, form, threads, seconds):
    torch.set_num_threads(threads)
    once = CASES[name][form]()
    once()
    count, start = 0, time.perf_counter()
    while count < 1 or time.perf_counter() - start < seconds:
        once()
        count += 1
    taken = (time.perf_counter() - start) / count / OPS.get(name, 1)
    return {"case": name, "form": form, "threads": threads, "seconds": taken, "runs": count,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


CASES = cases()
for line in sys.stdin:
    words = line.split()
    if not words or words[0] == "quit":
        break
    if words[0] == "list":
        answer = {name: list(forms) for name, forms in CASES.items()}
    elif words[0] == "machine":
        answer = {"torch": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()
                  if hasattr(torch.backends, "cpu") else "unknown"}
    elif words[0] == "base":
        answer = {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    elif words[0] == "run":
        answer = run(words[1], words[2], int(words[3]), float(words[4]))
    elif words[0] == "repeat":
        once = next(iter(CASES[words[1]].values()))()
        for _ in range(int(words[2])):
            once()
        answer = {"case": words[1], "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    else:
        answer = {"error": "not understood: " + line}
    print(json.dumps(answer), flush=True)
