"""Writes the Parquet files of the import tests, with pyarrow 21 or later: `python make.py`."""

from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

LOCAL = datetime(2025, 12, 31, 23, 30)
UTC = LOCAL.replace(tzinfo=timezone.utc)

# Two row groups, dictionaries, nulls, and each type that an export has.
orders = pa.table(
    {
        "customer_id": pa.array([17850, 17851, 17850, 17852], pa.int64()),
        "order": pa.array(["A-1", "A-2", "Ä-3", "A-4"]).dictionary_encode(),
        "amount": pa.array([Decimal("19.90"), Decimal("-0.05"), Decimal("12345678901.23"), None], pa.decimal128(38, 2)),
        "small": pa.array([Decimal("1.5"), None, Decimal("-2.5"), Decimal("0")], pa.decimal128(5, 1)),
        "price": pa.array([118.22999999999999, 0.05, None, 47.41], pa.float64()),
        "utc_ms": pa.array([UTC] * 4, pa.timestamp("ms", "UTC")),
        "utc_us": pa.array([UTC] * 4, pa.timestamp("us", "UTC")),
        "utc_ns": pa.array([UTC] * 4, pa.timestamp("ns", "UTC")),
        "local_ms": pa.array([LOCAL] * 4, pa.timestamp("ms")),
        "local_us": pa.array([LOCAL] * 4, pa.timestamp("us")),
        "local_ns": pa.array([LOCAL] * 4, pa.timestamp("ns")),
        "day": pa.array([date(2026, 1, 1), date(1969, 12, 31), None, date(2026, 1, 4)]),
        "paid": pa.array([True, True, True, False]),
        "quantity": pa.array([1, 2, 3, None], pa.uint32()),
    }
)
for name, options in {
    "orders.parquet": {"compression": "snappy"},
    "orders_zstd.parquet": {"compression": "zstd", "data_page_version": "2.0", "version": "2.6"},
    "orders_gzip.parquet": {"compression": "gzip", "use_dictionary": False},
}.items():
    pq.write_table(orders, name, row_group_size=3, store_schema=False, **options)

nested = pa.table({"customer_id": ["a"], "tags": [["x", "y"]]})
pq.write_table(nested, "nested.parquet", store_schema=False)
int96 = pa.table({"customer_id": ["a"], "time": pa.array([LOCAL], pa.timestamp("ns"))})
pq.write_table(int96, "int96.parquet", store_schema=False, use_deprecated_int96_timestamps=True)
for codec in ["brotli", "lz4"]:
    compression = {"customer_id": "snappy", "note": codec}
    table = pa.table({"customer_id": ["a"], "note": ["x"]})
    pq.write_table(table, f"{codec}.parquet", store_schema=False, compression=compression)
