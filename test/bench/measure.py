"""Settings, statistics and tables that the benchmarks share."""

import os
import statistics


def setting(name, default):
    """A number from the environment: BENCH_<name>."""
    return type(default)(os.environ.get(f"BENCH_{name}", default))


def settings(name, default):
    """Several, separated by blanks."""
    text = os.environ.get(f"BENCH_{name}")
    return [type(default[0])(word) for word in text.split()] if text else default


def percentile(values, percent):
    """The smallest value that at least so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


class Ratio:
    """Guarded to bare, of each round by itself: what disturbs a machine disturbs the neighbours of one round alike."""

    def __init__(self, guarded, bare):
        ratios = [a / b for a, b in zip(guarded, bare)]
        self.median = statistics.median(ratios)
        quarters = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else [self.median] * 3
        self.low, self.high = quarters[0], quarters[2]

    def __str__(self):
        return f"{self.median:.3f}"

    def spread(self):
        return f"{self.low:.3f} to {self.high:.3f}"


def in_turns(rounds, names):
    """The names, round by round, the order turned each time: nobody always comes first, or after the same one."""
    for number in range(rounds):
        shift = number % len(names)
        yield names[shift:] + names[:shift]


def verdict(met):
    return "met" if met else "missed"


def print_table(heading, columns, rows):
    cells = [columns] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    print(heading)
    for row in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print(flush=True)


def print_surroundings(cluster):
    version = cluster.execute("postgres", "SELECT current_setting('server_version')")[0][0]
    load = os.getloadavg()[0]
    print(f"PostgreSQL {version}, {os.cpu_count()} processors, load average {load:.2f} before it begins", flush=True)
