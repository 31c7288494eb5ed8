"""Reference values of attn_stats::quantify and attn_stats::seeds, made with NumPy and SciPy alone.

Adjusted classify-and-count: the likelihood of the counts is maximised over the simplex by SciPy's SLSQP
from several starts (not by the EM that the crate uses). Intervals over seeds and examples:
scipy.stats.t. Writes quantification.json beside itself.

    python quantification.py
"""

import json
import pathlib

import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(16)


def log_likelihood(x, rates, observed):
    expected = np.clip(x @ rates, 1e-300, None)
    return float(np.sum(observed[observed > 0] * np.log(expected[observed > 0])))


def solve(observed, rates):
    classes = len(rates)
    best = None
    starts = [np.full(classes, 1 / classes)] + [rng.dirichlet(np.ones(classes)) for _ in range(8)]
    for start in starts:
        found = optimize.minimize(
            lambda x: -log_likelihood(x, rates, observed),
            start,
            jac=lambda x: -(rates @ np.where(observed > 0, observed / np.clip(x @ rates, 1e-300, None), 0)),
            bounds=[(0, 1)] * classes,
            constraints=[{"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda x: np.ones(classes)}],
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 2000},
        )
        if best is None or -found.fun > best[0]:
            best = (-found.fun, found.x)
    return best


counts = []
for case in range(12):
    classes = 2 + case % 4
    rates = rng.dirichlet(np.ones(classes), size=classes) * 0.4 + 0.6 * np.eye(classes)
    if case % 3 == 0:
        # Far from anything these rates can give: the solution lies on an edge.
        observed = rng.dirichlet(np.full(classes, 0.3))
    else:
        observed = rng.dirichlet(np.ones(classes)) @ rates
        observed = rng.multinomial(500, observed) / 500
    likelihood, x = solve(observed, rates)
    counts.append(
        {
            "observed": observed.tolist(),
            "rates": rates.ravel().tolist(),
            "proportions": x.tolist(),
            "log_likelihood": likelihood,
        }
    )

quantiles = [
    {"p": p, "freedom": df, "t": float(stats.t.ppf(p, df))}
    for p in (0.6, 0.9, 0.975, 0.9995)
    for df in (1.0, 1.7, 2.0, 2.37, 5.0, 30.5, 407.0, 5000.0)
]

intervals = []
# The first is MRPC's F1 without fine-tuning in Table 1.
for values, over, n in [
    ((0.6307026445685601, 0.13984358411503126, 3), (0.5995631487061313, 0.6610433128891125), 408),
    ((0.50, 0.02, 5), (0.47, 0.53), 277),
    ((0.01, 0.02, 3), (-0.016, 0.034), 1500),
]:
    mean, deviation, seeds = values
    between = deviation**2 / seeds
    within = ((over[1] - over[0]) / (2 * stats.norm.ppf(0.975))) ** 2
    freedom = (between + within) ** 2 / (between**2 / (seeds - 1) + within**2 / (n - 1))
    low, high = stats.t.interval(0.95, freedom, loc=mean, scale=np.sqrt(between + within))
    intervals.append(
        {
            "mean": mean,
            "deviation": deviation,
            "seeds": seeds,
            "over_examples": list(over),
            "n": n,
            "freedom": float(freedom),
            "interval": [float(low), float(high)],
        }
    )

out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps({"adjusted": counts, "student_t": quantiles, "seeds": intervals}, indent=1) + "\n")
