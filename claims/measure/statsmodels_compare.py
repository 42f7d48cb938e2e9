"""Every figure of `attune experiment analyse --json` beside statsmodels and scipy on the same rows.

usage: statsmodels_compare.py CATS.csv.gz MAILS.csv.gz FOLDER
Prints a line for each figure, and last how many there are and the greatest relative difference.
"""

import json
import sys

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats import multitest, proportion, weightstats

figures = []


def compare(what, ours, theirs):
    off = abs(ours - theirs) / max(abs(theirs), 1e-300)
    figures.append(off)
    print(f"{what}: {ours:.8g} and {theirs:.8g}")


def interval(what, ours, low, high):
    compare(what + " low", ours["low"], low)
    compare(what + " high", ours["high"], high)


def check_proportion(what, comparison, treated, control):
    a, n, b, m = treated.sum(), len(treated), control.sum(), len(control)
    ours = comparison["difference"]
    compare(what, ours["absolute"]["value"], a / n - b / m)
    interval(what, ours["absolute"], *proportion.confint_proportions_2indep(a, n, b, m, compare="diff", method="wald"))
    compare(what + " p", ours["p_value"], proportion.test_proportions_2indep(a, n, b, m, compare="diff", method="wald").pvalue)
    low, high = proportion.confint_proportions_2indep(a, n, b, m, compare="ratio", method="log")
    interval(what + " relative", ours["relative"], low - 1, high - 1)


def check_mean(what, comparison, treated, control):
    means = weightstats.CompareMeans(weightstats.DescrStatsW(treated), weightstats.DescrStatsW(control))
    _, p, degrees = means.ttest_ind(usevar="unequal")
    ours = comparison["difference"]
    compare(what, ours["absolute"]["value"], treated.mean() - control.mean())
    interval(what, ours["absolute"], *means.tconfint_diff(usevar="unequal"))
    compare(what + " p", ours["p_value"], p)
    compare(what + " degrees", ours["degrees"], degrees)
    theirs = stats.ttest_ind(treated, control, equal_var=False)
    interval(what + " (scipy)", ours["absolute"], *theirs.confidence_interval())


def check_arm(what, arm, values, binary):
    compare(what, arm["value"], values.mean())
    if binary:
        interval(what, arm, *proportion.proportion_confint(values.sum(), len(values), method="wilson"))
    else:
        interval(what, arm, *weightstats.DescrStatsW(values).tconfint_mean())


def check(result, table, arm_column):
    control = table[table[arm_column] == result["control"]]
    sizes = [arm["customers"] for arm in result["arms"]]
    compare("sizes chi-square", result["sample_ratio"]["chi_square"], stats.chisquare(sizes).statistic)
    compare("sizes p", result["sample_ratio"]["p_value"], stats.chisquare(sizes).pvalue)
    if len(sizes) == 2:
        compare("sizes exact p", result["sample_ratio"]["exact_p_value"], stats.binomtest(sizes[0], sum(sizes)).pvalue)
    for metric in result["metrics"]:
        name, binary = metric["name"], metric["kind"] == "proportion"
        for arm in metric["arms"]:
            values = table[table[arm_column] == arm["arm"]][name].astype(float)
            check_arm(f"{name} of {arm['arm']}", arm, values, binary)
        for comparison in metric["comparisons"]:
            treated = table[table[arm_column] == comparison["arm"]][name].astype(float)
            (check_proportion if binary else check_mean)(f"{name}, {comparison['arm']}", comparison, treated, control[name].astype(float))
        if len(metric["comparisons"]) > 1:
            raw = [c["difference"]["p_value"] for c in metric["comparisons"]]
            for c, p in zip(metric["comparisons"], multitest.multipletests(raw, method="holm")[1]):
                compare(f"{name}, {c['arm']}, Holm p", c["corrected"]["p_value"], p)


def check_adjusted(result, table):
    """CUPED with theta pooled within arms has the effects of least squares on arms and covariates."""
    arms = [c["arm"] for c in result["metrics"][0]["comparisons"]]
    columns = [np.ones(len(table))] + [(table["segment"] == arm).astype(float) for arm in arms]
    fit = OLS(table["spend"], np.column_stack(columns + [table["history"], table["recency"]])).fit()
    for i, comparison in enumerate(result["metrics"][0]["comparisons"]):
        compare(f"spend adjusted, {comparison['arm']}", comparison["difference"]["absolute"]["value"], fit.params.iloc[i + 1])


cats, mails = pd.read_csv(sys.argv[1]), pd.read_csv(sys.argv[2])
read = lambda name: json.load(open(f"{sys.argv[3]}/{name}.json"))
check(read("cats"), cats, "version")
check(read("mails"), mails, "segment")
check_adjusted(read("cuped"), mails)
print(len(figures), f"{max(figures):.1e}")
