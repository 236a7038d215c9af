"""Times the Python library lifetimes on the customers that `cargo bench --bench value` simulates.

    PATRON_BENCH_CSV=/tmp/customers.csv cargo bench --bench value -- bg-nbd
    python3 -m venv /tmp/peer && /tmp/peer/bin/pip install 'lifetimes==0.11.3' 'numpy<2' 'scipy<1.12' 'pandas<2.1'
    OMP_NUM_THREADS=1 /tmp/peer/bin/python benches/peer_lifetimes.py /tmp/customers.csv

One process, numpy on one thread (OMP_NUM_THREADS=1), one row a customer, as its documentation shows; and with collapsed rows, which it takes as weights.
"""

import sys
import time
import warnings

import pandas
from lifetimes import BetaGeoFitter

warnings.filterwarnings("ignore")


def timed(what, rows, work):
    start, start_cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(f"{what}: {seconds:.3f} s ({cpu:.3f} s of processor), {rows / cpu / 1e6:.3f} M rows a processor second", flush=True)
    return result


def main(path):
    table = pandas.read_csv(path)
    x, recency, age = table["frequency"], table["recency"], table["T"]
    rows = len(table)
    model = timed("BG/NBD fit, a row a customer", rows, lambda: BetaGeoFitter().fit(x, recency, age))
    print(model.params_.to_dict(), flush=True)
    collapsed = table.groupby(["frequency", "recency", "T"]).size().reset_index(name="weights")
    timed(
        f"BG/NBD fit, {len(collapsed)} collapsed rows",
        rows,
        lambda: BetaGeoFitter().fit(
            collapsed["frequency"], collapsed["recency"], collapsed["T"], weights=collapsed["weights"]
        ),
    )
    timed(
        "probability alive and expected orders",
        rows,
        lambda: (
            model.conditional_probability_alive(x, recency, age),
            model.conditional_expected_number_of_purchases_up_to_time(39, x, recency, age),
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1])
