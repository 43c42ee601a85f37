#!/usr/bin/env python3
"""Features of FAVOR+ and covariances of SPE's codes, from the definitions of the papers, in plain Python.

    python3 tests/pe/oracle/kernels.py > tests/pe/oracle/kernels.json

kernel_oracle_test.cpp reads the numbers and compares; it does not run this. A covariance is worked out from what the
codes are made of, noise by noise, and not from the closed form that the library has.
"""
import json
import math
import random

HEADS, SIZE = 2, 3
LABELS = [0, 1, 2, 4, 7, 40]
draw = random.Random(2027)


def numbers(*shape):
    if not shape:
        return round(draw.gauss(0, 1), 4)
    return [numbers(*shape[1:]) for _ in range(shape[0])]


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a, b))


# ---- FAVOR+: Choromanski et al. 2021, lemma 1 and eq. 5: softmax attention with the kernel exp(q . k / sqrt(d)) --------

TOKENS, WIDTH, PROJECTIONS = 4, 6, 3


def positive_features(x, omegas):
    x = [a / WIDTH ** 0.25 for a in x]
    shrink = math.exp(-dot(x, x) / 2) / math.sqrt(2 * len(omegas))
    return [shrink * math.exp(dot(w, x)) for w in omegas] + [shrink * math.exp(-dot(w, x)) for w in omegas]


omegas = numbers(PROJECTIONS, WIDTH)
q, k = numbers(TOKENS, WIDTH), numbers(TOKENS, WIDTH)
queries, keys = [positive_features(x, omegas) for x in q], [positive_features(x, omegas) for x in k]
favor = dict(projection=[[w[i] for w in omegas] for i in range(WIDTH)], q=q, k=k, query_features=queries,
             key_features=keys, products=[[dot(a, b) for b in keys] for a in queries])

# ---- SPE: Liutkus et al. 2021, section 3: a code is a sum of independent normal numbers, each with a weight ------------


def covariance(one, other):
    """Of sum_z one[z] z and sum_z other[z] z."""
    return math.fsum(weight * other[z] for z, weight in one.items() if z in other)


def covariances(query, key):
    return [[[[covariance(query(h, d, m), key(h, d, n)) for d in range(SIZE)] for n in LABELS] for m in LABELS]
            for h in range(HEADS)]


SINES = 2
sine = {"pe/frequencies": numbers(HEADS, SIZE * SINES, 1), "pe/phases": numbers(HEADS, 1, SIZE * SINES),
        "pe/gains": numbers(HEADS, 1, SIZE * SINES)}


def sine_code(with_phase):
    def weights(h, d, p):
        made = {}
        for w in range(SINES):
            i = d * SINES + w
            cycles = 0.5 / (1 + math.exp(-sine["pe/frequencies"][h][i][0]))
            angle = 2 * math.pi * cycles * p + (sine["pe/phases"][h][0][i] if with_phase else 0)
            gain = math.log(1 + math.exp(sine["pe/gains"][h][0][i])) / math.sqrt(2 * SINES)
            made[(w, "cos")], made[(w, "sin")] = gain * math.cos(angle), gain * math.sin(angle)
        return made
    return weights


TAPS = 5
conv = {"pe/query_filter": numbers(HEADS, SIZE, TAPS), "pe/key_filter": numbers(HEADS, SIZE, TAPS)}


def conv_code(filters):
    return lambda h, d, p: {p + j: filters[h][d][j] for j in range(TAPS)}


spe = [dict(encoding="sine_spe", settings=[f"sines={SINES}"], parameters=sine,
            covariance=covariances(sine_code(True), sine_code(False))),
       dict(encoding="conv_spe", settings=[f"kernel={TAPS}"], parameters=conv,
            covariance=covariances(conv_code(conv["pe/query_filter"]), conv_code(conv["pe/key_filter"])))]

print(json.dumps(dict(favor=favor, heads=HEADS, d_model=HEADS * SIZE, labels=LABELS, spe=spe)))
