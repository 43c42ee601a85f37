#!/usr/bin/env python3
"""Scores of attention with positional encodings, from the formulas of the papers, pair by pair, in plain Python.

    python3 tests/pe/oracle/scores.py > tests/pe/oracle/scores.json
    python3 tests/pe/oracle/scores.py --golden | clang-format --assume-filename=x.cpp > pe/golden_scores.cpp

oracle_test.cpp reads the numbers and compares; it does not run this. --golden writes the numbers that the suite holds
each encoding against (its check `golden`): there parameters, queries and keys are waves that both sides can make, and
of the scores the last query's are kept. Nothing here is shared with the library: each encoding is spelled out again,
from its paper, without tables, gathering or broadcasting.
"""
import json
import math
import random
import sys

HEADS, SIZE, TOKENS = 2, 4, 6
WIDTH = HEADS * SIZE
draw = random.Random(2026)
GOLDEN = "--golden" in sys.argv[1:]


def filled(shape, numbers_from):
    if not shape:
        return next(numbers_from)
    return [filled(shape[1:], numbers_from) for _ in range(shape[0])]


def wave(first):
    while True:
        yield 0.6 * math.sin(first)
        first += 1


def drawn():
    while True:
        yield round(draw.gauss(0, 1), 4)


def numbers(*shape, first=1):
    return filled(shape, wave(first) if GOLDEN else drawn())


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a, b))


def times(matrix, vector):
    return [dot(row, vector) for row in matrix]


def plus(a, b):
    return [x + y for x, y in zip(a, b)]


def part(vector, head):
    return vector[head * SIZE:(head + 1) * SIZE]


def clip(x, low, high):
    return min(max(x, low), high)


cases = []


def case(encoding, settings, score, parameters=None, labels=None, tracks=("time",), causal=False, heads=HEADS):
    """score(h, m, n, q_m, k_n, lags, all q of the head, all k of the head) is the whole score of a pair."""
    q, k = numbers(heads, TOKENS, SIZE, first=1), numbers(heads, TOKENS, SIZE, first=100)
    labels = labels or [[t] for t in range(TOKENS)]
    table = []
    for h in range(heads):
        rows = []
        for m in range(TOKENS):
            row = []
            for n in range(TOKENS):
                lags = [a - b for a, b in zip(labels[m], labels[n])]
                row.append(None if causal and n > m else round(score(h, m, n, q[h], k[h], lags), 12))
            rows.append(row)
        table.append(rows)
    cases.append(dict(encoding=encoding, settings=settings, heads=heads, d_model=heads * SIZE, tracks=list(tracks),
                      labels=labels, parameters=parameters or {}, q=q, k=k, scores=table))


def content(q, k, m, n):
    return dot(q[m], k[n]) / math.sqrt(SIZE)


def bias_case(encoding, settings, bias, **more):
    case(encoding, settings, lambda h, m, n, q, k, lags: content(q, k, m, n) + sum(bias(h, x) for x in lags), **more)


UNEVEN = [[0], [3], [3], [1], [9], [40]]
PAIRS = [[0, 4], [3, 4], [3, 1], [1, 0], [9, 2], [40, 2]]

# ---- ALiBi: Press et al. 2022, section 3, and the slopes of the released code -----------------------------------------


def slopes(heads):
    return [2 ** (-8 * (h + 1) / heads) for h in range(heads)]


def released(heads):
    if math.log2(heads).is_integer():
        return slopes(heads)
    near = 2 ** math.floor(math.log2(heads))
    return slopes(near) + released(2 * near)[0::2][:heads - near]


for heads in (2, 6):
    bias_case("alibi", ["slopes=paper"], lambda h, x: -slopes(heads)[h] * abs(x), labels=UNEVEN, heads=heads)
    bias_case("alibi", ["slopes=released"], lambda h, x: -released(heads)[h] * abs(x), labels=UNEVEN, heads=heads)

# ---- T5: Raffel et al. 2020; the bucket function of the released code -------------------------------------------------


def bucket(relative, both, count=32, furthest=128):
    """relative: place of the key minus place of the query."""
    base, n = 0, -relative
    if both:
        count //= 2
        if n < 0:
            base, n = count, -n
    else:
        n = max(n, 0)
    exact = count // 2
    if n < exact:
        return base + n
    return base + min(exact + int(math.log(n / exact) / math.log(furthest / exact) * (count - exact)), count - 1)


FAR = [[0], [5], [17], [40], [90], [300]]
for both in (False, True):
    t5 = numbers(32, HEADS)
    bias_case("t5", ["direction=both" if both else "direction=causal"], lambda h, x: t5[bucket(-x, both)][h],
              parameters={"pe/table": [t5]}, labels=FAR)

# ---- KERPLE: Chi et al. 2022, eq. 5 and 6; Sandwich: Chi et al. 2023 --------------------------------------------------

def softplus(x):
    return math.log(1 + math.exp(x))


if GOLDEN:  # what is learned is held in range by softplus, and by 2 sigmoid
    raw, GIVEN = numbers(HEADS), []
    r1, r2 = [softplus(w) for w in raw], {"log": [softplus(w) for w in raw],
                                          "power": [2 / (1 + math.exp(-w)) for w in raw]}
else:
    GIVEN, r1, r2 = ["r1=0.7,2", "r2=1.5,0.3"], (0.7, 2), {"log": (1.5, 0.3), "power": (1.5, 0.3)}
bias_case("kerple", ["kernel=log"] + GIVEN, lambda h, x: -r1[h] * math.log(1 + r2["log"][h] * abs(x)), labels=UNEVEN)
bias_case("kerple", ["kernel=power"] + GIVEN, lambda h, x: -r1[h] * abs(x) ** r2["power"][h], labels=UNEVEN)
bias_case("sandwich", ["terms=10"],
          lambda h, x: sum(math.cos(x / 10000 ** (2 * i / 10)) for i in range(5)) / (8 * (h + 1) / HEADS), labels=UNEVEN)

# ---- Shaw et al. 2018, eq. 4; two labels: the sum ---------------------------------------------------------------------

keys = numbers(5, 1, SIZE)
case("shaw", ["clip=2", "values=false"],
     lambda h, m, n, q, k, lags: dot(q[m], plus(k[n], keys[clip(lags[0], -2, 2) + 2][0])) / math.sqrt(SIZE),
     parameters={"pe/keys": [keys]}, labels=UNEVEN)
two = numbers(2, 7, HEADS, SIZE)
case("shaw", ["clip=3", "values=false", "tables=own", "tracks=time,bar"],
     lambda h, m, n, q, k, lags: dot(
         q[m], plus(k[n], plus(two[0][clip(lags[0], -3, 3) + 3][h], two[1][clip(lags[1], -3, 3) + 3][h]))) /
     math.sqrt(SIZE), parameters={"pe/keys": two}, labels=PAIRS, tracks=("time", "bar"))

# ---- Music Transformer: Huang et al. 2018, the relative logits before skewing -----------------------------------------

rows = numbers(7, HEADS, SIZE)
case("music_transformer", ["clip=3"],
     lambda h, m, n, q, k, lags: dot(q[m], plus(k[n], rows[clip(m - n, -3, 3) + 3][h])) / math.sqrt(SIZE),
     parameters={"pe/keys": [rows]})

# ---- Transformer-XL: Dai et al. 2019, section 3.3; DeBERTa: He et al. 2021, eq. 3 and 4 -------------------------------

w, u, v = numbers(WIDTH, WIDTH), numbers(HEADS, SIZE), numbers(HEADS, SIZE)


def transformer_xl(h, m, n, q, k, lags):
    angles = [lags[0] / 10000 ** (2 * i / WIDTH) for i in range(WIDTH // 2)]
    r = part(times(w, [math.sin(a) for a in angles] + [math.cos(a) for a in angles]), h)
    return (dot(q[m], k[n]) + dot(q[m], r) + dot(u[h], k[n]) + dot(v[h], r)) / math.sqrt(SIZE)


case("transformer_xl", [], transformer_xl, parameters={"pe/u": u, "pe/v": v, "pe/lag0/weight": w},
     labels=[[0], [0.5], [3.25], [3], [9], [40]])

table, w_k, w_q = numbers(6, WIDTH), numbers(WIDTH, WIDTH), numbers(WIDTH, WIDTH)


def delta(lag, k=3):
    return 0 if lag <= -k else 2 * k - 1 if lag >= k else lag + k


def deberta(h, m, n, q, k, lags):
    to_place = dot(q[m], part(times(w_k, table[delta(lags[0])]), h))
    from_place = dot(k[n], part(times(w_q, table[delta(-lags[0])]), h))
    return (dot(q[m], k[n]) + to_place + from_place) / math.sqrt(3 * SIZE)


case("deberta", ["clip=3"], deberta,
     parameters={"pe/table": [table], "pe/key/weight": w_k, "pe/query/weight": w_q}, labels=UNEVEN)

# ---- FIRE: Li et al. 2024, eq. 3 and 5; CoPE: Golovneva et al. 2024, eq. 3 to 6 ---------------------------------------

fire = dict(curvature=numbers(1), threshold=numbers(1), weight=numbers(3), bias=numbers(3), out_weight=numbers(HEADS, 3),
            out_bias=numbers(HEADS))
TIMES = [[0], [1], [2.5], [4], [30], [1000]]


def fire_score(h, m, n, q, k, lags):
    def psi(x):
        return math.log(0.1 * math.exp(fire["curvature"][0]) * x + 1)
    x = psi(lags[0]) / psi(max(3 * math.exp(fire["threshold"][0]), TIMES[m][0]))
    hidden = [max(0, a * x + b) for a, b in zip(fire["weight"], fire["bias"])]
    return content(q, k, m, n) + dot(fire["out_weight"][h], hidden) + fire["out_bias"][h]


case("fire", ["hidden=3", "threshold=3"], fire_score, parameters={"pe/" + key: fire[key] for key in fire}, labels=TIMES,
     causal=True)

places = numbers(1, 4, SIZE)


def cope(h, m, n, q, k, lags):
    place = sum(1 / (1 + math.exp(-content(q, k, m, j))) for j in range(n, m + 1))
    place = min(place, 3)
    below = math.floor(place)
    above = min(below + 1, 3)
    near = [(1 - place + below) * a + (place - below) * b for a, b in zip(places[0][below], places[0][above])]
    return content(q, k, m, n) + dot(q[m], near) / math.sqrt(SIZE)


case("cope", ["places=3"], cope, parameters={"pe/table": places}, causal=True)

# ---- StructurePE (arXiv 2402.13301): S-RPE, NS-RPE --------------------------------------------------------------------


def code(value, base):
    """Columns i = 1, 2, ...: sin in the first, cos in the second, and so on."""
    angles = [value / base ** (2 * (i // 2) / WIDTH) for i in range(1, WIDTH + 1)]
    return [math.sin(a) if i % 2 == 0 else math.cos(a) for i, a in enumerate(angles)]


def layers(names):
    made = {}
    for name in names:
        made[f"pe/{name}/weight"] = numbers(WIDTH, WIDTH)
        made[f"pe/{name}/bias"] = numbers(WIDTH)
    return made


def through(maps, name, x):
    for layer in (name, "layer"):
        x = plus(times(maps[f"pe/{layer}/weight"], x), maps[f"pe/{layer}/bias"])
    return x


maps = layers(["layer", "structure0", "structure1"])
lagged = [numbers(5, WIDTH), numbers(3, WIDTH)]


def s_rpe(coded):
    def score(h, m, n, q, k, lags):
        terms = sum(dot(q[m], part(through(maps, f"structure{s}", coded(s, lags[s])), h)) for s in range(2))
        return content(q, k, m, n) + terms / math.sqrt(SIZE)
    return score


case("s_rpe", ["tracks=melody,section", "clips=2,1"],
     s_rpe(lambda s, lag: lagged[s][clip(lag, -(2 - s), 2 - s) + 2 - s]),
     parameters=dict(maps, **{"pe/table0": lagged[0], "pe/table1": lagged[1]}), labels=PAIRS,
     tracks=("melody", "section"))
case("s_rpe", ["codes=sine", "tracks=melody,section"], s_rpe(lambda s, lag: code(lag, (7920, 11339)[s])),
     parameters=maps, labels=PAIRS, tracks=("melody", "section"))

segments = layers(["layer", "structure0", "structure1", "between", "since"])
SECTIONS = [[7, 1], [7, 1], [7, 0], [2, 0], [2, 0], [7, 1]]


def ns_rpe(h, m, n, q, k, lags):
    def since(t):
        begin = t
        while begin > 0 and SECTIONS[begin - 1][1] == SECTIONS[t][1]:
            begin -= 1
        return t - begin
    e = plus(through(segments, "structure0", code(lags[0], 10001)), through(segments, "structure1", code(lags[1], 11339)))
    if lags[1] == 0:
        e = plus(e, through(segments, "between", code(since(m) - since(n), 24149)))
        e = plus(e, through(segments, "since", code(since(m), 24149)))
    return content(q, k, m, n) + dot(q[m], part(e, h)) / math.sqrt(SIZE)


case("ns_rpe", ["segment=section"], ns_rpe, parameters=segments, labels=SECTIONS, tracks=("chord", "section"))

# ---- RoPE: Su et al. 2021, eq. 13 to 16; interleaved pairs and halves -------------------------------------------------


def rope(pairs):
    def turned(x, p):
        y = list(x)
        for i, (a, b) in enumerate(pairs):
            angle = p / 10000 ** (2 * i / SIZE)
            y[a] = x[a] * math.cos(angle) - x[b] * math.sin(angle)
            y[b] = x[b] * math.cos(angle) + x[a] * math.sin(angle)
        return y
    return lambda h, m, n, q, k, lags: dot(turned(q[m], UNEVEN[m][0]), turned(k[n], UNEVEN[n][0])) / math.sqrt(SIZE)


case("rope", ["pairing=interleaved"], rope([(0, 1), (2, 3)]), labels=UNEVEN)
case("rope", ["pairing=half"], rope([(0, 2), (1, 3)]), labels=UNEVEN)

# ---- RoPE, scaled: Chen et al. 2023; Peng et al. 2023, eq. 16 to 22 ---------------------------------------------------


def turned_scores(frequencies, factor=1.0, shrink=None):
    def score(h, m, n, q, k, lags):
        total = 0
        for i, f in enumerate(frequencies):
            (a, b), (c, d) = q[m][2 * i:2 * i + 2], k[n][2 * i:2 * i + 2]
            term = (a * c + b * d) * math.cos(f * lags[0]) + (a * d - b * c) * math.sin(f * lags[0])
            total += term * (shrink[i] ** (lags[0] / 512) if shrink else 1)
        return factor * total / math.sqrt(SIZE)
    return score


def yarn(f, scale, length):
    turns = length / (2 * math.pi / f)
    kept = clip((turns - 1) / (32 - 1), 0, 1)
    return (1 - kept) * f / scale + kept * f


BASE = [10000 ** (-2 * i / SIZE) for i in range(SIZE // 2)]
case("rope_scaled", ["method=linear", "scale=3"], turned_scores([f / 3 for f in BASE]), labels=UNEVEN)
case("rope_scaled", ["method=ntk", "scale=3"],
     turned_scores([(10000 * 3 ** (SIZE / (SIZE - 2))) ** (-2 * i / SIZE) for i in range(SIZE // 2)]), labels=UNEVEN)
case("rope_scaled", ["method=yarn", "scale=3", "original_length=100"],
     turned_scores([yarn(f, 3, 100) for f in BASE], factor=(0.1 * math.log(3) + 1) ** 2), labels=UNEVEN)

# ---- xPos: Sun et al. 2022, section 3 ---------------------------------------------------------------------------------

case("xpos", [], turned_scores(BASE, shrink=[(2 * i / SIZE + 0.4) / 1.4 for i in range(SIZE // 2)]),
     labels=[[0], [3], [40], [700.5], [9000], [9001]], causal=True)

# ---- cosFormer: Qin et al. 2022, eq. 10, with the features q and k themselves -----------------------------------------

case("cosformer", ["max_length=64"],
     lambda h, m, n, q, k, lags: content(q, k, m, n) * math.cos(math.pi / 2 * lags[0] / 64), labels=UNEVEN)

# ---- LRPE: Qin et al. 2023: a reflection, then turned pairs; complex phases -------------------------------------------

normal = numbers(HEADS, SIZE, 1)


def reflected(x, h):
    v = [row[0] for row in normal[h]]
    along = 2 * dot(v, x) / dot(v, v)
    return [a - along * b for a, b in zip(x, v)]


case("lrpe", ["basis=householder"],
     lambda h, m, n, q, k, lags: turned_scores(BASE)(h, 0, 0, [reflected(q[m], h)], [reflected(k[n], h)], lags),
     parameters={"pe/reflection": normal}, labels=UNEVEN)
case("lrpe", ["basis=identity", "lambda=unitary"],
     lambda h, m, n, q, k, lags: sum(
         q[m][d] * k[n][d] * math.cos(10000 ** (-d / SIZE) * lags[0]) for d in range(SIZE)) / math.sqrt(SIZE),
     labels=UNEVEN)

# ---- F-StrIPE (arXiv 2502.10491), eq. 7 to 9; SPE: Liutkus et al. 2021, with given noise; the gate --------------------

SINES, DRAWS = 2, 3
COUNT = SIZE * SINES


def stripe(prefix, width):
    return {prefix + "frequencies": numbers(HEADS, COUNT, width), prefix + "phases": numbers(HEADS, 1, COUNT),
            prefix + "gains": numbers(HEADS, 1, COUNT)}


vectors = stripe("pe/", 2)


def f_stripe(pooled):
    def score(h, m, n, q, k, lags):
        total = 0
        for w in range(SINES):
            for d in range(SIZE):
                for e in range(SIZE):
                    if d != e and not pooled:
                        continue
                    a, b = d * SINES + w, e * SINES + w
                    angle = (dot(vectors["pe/frequencies"][h][a], PAIRS[m]) + vectors["pe/phases"][h][0][a] -
                             dot(vectors["pe/frequencies"][h][b], PAIRS[n]))
                    gains = softplus(vectors["pe/gains"][h][0][a]) * softplus(vectors["pe/gains"][h][0][b])
                    total += q[m][d] * k[n][e] * gains * math.cos(angle) / SINES
        return total / math.sqrt(SIZE)
    return score


for pooled in ("true", "false"):
    case("f_stripe", ["tracks=time,bar", f"sines={SINES}", f"pooled={pooled}"], f_stripe(pooled == "true"),
         parameters=vectors, labels=PAIRS, tracks=("time", "bar"))


def codes(p, h, d, r, of, noise, query):
    total = 0
    for w in range(SINES):
        i = d * SINES + w
        f = math.pi / (1 + math.exp(-of["frequencies"][h][i][0]))
        angle = f * p + (of["phases"][h][0][i] if query else 0)
        total += softplus(of["gains"][h][0][i]) * (
            math.cos(angle) * noise[h][2 * i][r] + math.sin(angle) * noise[h][2 * i + 1][r])
    return total / math.sqrt(2 * SINES)


def spe(parameters, prefix, gate=None, shared=None):
    of = {name[len(prefix):]: value for name, value in parameters.items() if name.startswith(prefix)}

    def feature(x, p, h, r, query):
        total = 0
        for d in range(SIZE):
            code = codes(p, h, d, r, of, of["noise"], query)
            if gate:
                g = 1 / (1 + math.exp(-gate[h][0][d]))
                code = math.sqrt(1 - g) * code + math.sqrt(g) * shared[h][d][r]
            total += x[d] * code / math.sqrt(DRAWS)
        return total

    def score(h, m, n, q, k, lags):
        return sum(feature(q[m], UNEVEN[m][0], h, r, True) * feature(k[n], UNEVEN[n][0], h, r, False)
                   for r in range(DRAWS)) / math.sqrt(SIZE)
    return score


settings = [f"sines={SINES}", f"realizations={DRAWS}"]
noisy = dict(stripe("pe/", 1), **{"pe/noise": numbers(HEADS, 2 * COUNT, DRAWS)})
case("sine_spe", settings, spe(noisy, "pe/"), parameters=noisy, labels=UNEVEN)
inside = dict(stripe("pe/inside/", 1), **{"pe/inside/noise": numbers(HEADS, 2 * COUNT, DRAWS)})
gate, shared = numbers(HEADS, 1, SIZE), numbers(HEADS, SIZE, DRAWS)
case("gated", settings, spe(inside, "pe/inside/", gate, shared),
     parameters=dict(inside, **{"pe/gate": gate, "pe/noise": shared}), labels=UNEVEN)

# ---- nothing; codes that are added to queries and keys: Vaswani et al. 2017, Gehring et al. 2017, StructurePE ---------

case("none", [], lambda h, m, n, q, k, lags: content(q, k, m, n))


def with_codes(code_of, labels):
    def score(h, m, n, q, k, lags):
        return dot(plus(q[m], part(code_of(labels[m]), h)), plus(k[n], part(code_of(labels[n]), h))) / math.sqrt(SIZE)
    return score


def sinusoids(label):
    angles = [label[0] / 10000 ** (2 * i / WIDTH) for i in range(WIDTH // 2)]
    return [f(a) for a in angles for f in (math.sin, math.cos)]


case("sinusoidal", [], with_codes(sinusoids, UNEVEN), labels=UNEVEN)
embedding = numbers(41, WIDTH)
case("learned", ["max_length=41"], with_codes(lambda label: embedding[label[0]], UNEVEN), labels=UNEVEN,
     parameters={"pe/table": embedding})
embeddings = [numbers(41, WIDTH), numbers(6, WIDTH)]
case("s_ape", ["tracks=time,bar", "values=41,6"],
     with_codes(lambda label: plus(embeddings[0][label[0]], embeddings[1][label[1]]), PAIRS), labels=PAIRS,
     tracks=("time", "bar"), parameters={"pe/table0": embeddings[0], "pe/table1": embeddings[1]})

# ---- Of All StrIPEs (arXiv 2504.05364), eq. 15 and 23; random Fourier features: Rahimi & Recht 2007 -------------------

single = numbers(HEADS, SIZE, 1)


def f_stripe1(pooled):
    def score(h, m, n, q, k, lags):
        f = [row[0] for row in single[h]]
        return sum(q[m][d] * k[n][e] * math.cos(f[d] * UNEVEN[m][0] - f[e] * UNEVEN[n][0])
                   for d in range(SIZE) for e in range(SIZE) if pooled or d == e) / math.sqrt(SIZE)
    return score


for pooled in ("true", "false"):
    case("f_stripe1", ["parametrisation=free", f"pooled={pooled}"], f_stripe1(pooled == "true"), labels=UNEVEN,
         parameters={"pe/frequencies": single})

paired = numbers(HEADS, SIZE // 2, 1)


def ropepool(h, m, n, q, k, lags):
    total = 0
    for i in range(SIZE // 2):
        minus, plus_ = (paired[h][i][0] * (UNEVEN[m][0] + sign * UNEVEN[n][0]) for sign in (-1, 1))
        (a, b), (c, d) = q[m][2 * i:2 * i + 2], k[n][2 * i:2 * i + 2]
        total += ((a * c + b * d) * math.cos(minus) + (a * d - b * c) * math.sin(minus) +
                  (a * c - b * d) * math.sin(plus_) + (a * d + b * c) * math.cos(plus_))
    return total / math.sqrt(SIZE)


case("ropepool", [], ropepool, labels=UNEVEN, parameters={"pe/frequencies": paired})

sampled = numbers(HEADS, SIZE * DRAWS, 1)
case("rff", [f"samples={DRAWS}"],
     lambda h, m, n, q, k, lags: sum(
         q[m][d] * k[n][d] * math.cos(sampled[h][d * DRAWS + r][0] * lags[0]) / DRAWS
         for d in range(SIZE) for r in range(DRAWS)) / math.sqrt(SIZE),
     labels=UNEVEN, parameters={"pe/frequencies": sampled})

temporal = dict(stripe("pe/", 1), **{"pe/noise": numbers(HEADS, 2 * COUNT, DRAWS)})
case("f_stripe_sff", settings, spe(temporal, "pe/"), parameters=temporal, labels=UNEVEN)

# ---- Toeplitz: Luo et al. 2021, a bias for each lag; randomized at evaluation; PermuteFormer: Chen 2021, eq. 7 to 9 ---

biases = numbers(HEADS, 81)
bias_case("toeplitz", ["max_length=41"], lambda h, x: biases[h][x + 40], labels=UNEVEN, parameters={"pe/table": biases})
case("randomized", ["wraps=rope"], rope([(0, 1), (2, 3)]), labels=UNEVEN)


def permuteformer(h, m, n, q, k, lags):
    """Every permutation takes each feature from the next one."""
    r = 1 / (1 + math.exp(-(2 + 3 * (h + 1) / HEADS)))
    return r ** (m - n) * sum(q[m][(i + m) % SIZE] * k[n][(i + n) % SIZE] for i in range(SIZE)) / math.sqrt(SIZE)


if GOLDEN:  # in scores.json a state has real numbers alone
    case("permuteformer", [], permuteformer)


def listed(values):
    return "{" + ", ".join(repr(float(v)) if v != int(v) else str(int(v)) for v in values) + "}"


def entry(c):
    last = [[round(x, 10) for x in row[-1]] for row in c["scores"]]
    tracks = "{" + ", ".join(f'"{t}"' for t in c["tracks"]) + "}"
    return (f'{{"{c["encoding"]}", "{" ".join(c["settings"])}", {c["heads"]}, {tracks}, '
            f'{listed(x for label in c["labels"] for x in label)}, {listed(x for head in last for x in head)}}}')


if GOLDEN:
    print("""// Made by tests/pe/oracle/scores.py --golden from the papers' formulas, in plain Python.
#include "pe/suite_parts.h"

namespace gradus::suite {

const std::vector<Golden>& golden_scores() {
  static const std::vector<Golden> list{""")
    print(",\n".join("      " + entry(c) for c in cases if c["heads"] == HEADS) + "};")
    print("""  return list;
}

}  // namespace gradus::suite""")
else:
    print("[")
    print(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
    print("]")
