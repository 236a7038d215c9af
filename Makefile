# `make demo` and `make test`, on a machine with a Rust toolchain, make and a C compiler; from any folder (make -C), as root or not.
# Both see to a PostgreSQL server program first (src/postgres/install.sh says what it does) and use DATABASE_URL if it is set.

.PHONY: demo test peers test-faults test-kills golden check fmt lint docs bench bench-compare spelling deny

# A customer service on this machine with made-up customers; Ctrl-C ends it.
demo:
	@sh src/postgres/install.sh
	exec cargo run --profile demo --locked -- demo

# Every test. They start a private database cluster and remove it again.
test:
	@sh src/postgres/install.sh
	exec cargo test --locked

# What the recipes of docs/integrations are tested with (Debian): Kamailio, sipp, nginx, HAProxy, PgBouncer, Lua, Python with gRPC.
# Without them `make test` prints that these tests did not run.
peers:
	@sh tests/peers.sh

# What only load, hostile peers, kills and a dying database show. Linux, two cores, about half an hour; the quick part is in `make test`.
test-faults:
	@sh src/postgres/install.sh
	PATRON_KILLS=50 cargo test --locked --test integration kills_in_the_middle -- --nocapture
	PATRON_CANCELLED_CALLS=10000 cargo test --locked --test integration coherence::storm -- --nocapture
	cargo test --release --locked --test faults

# 1,000 times kill -9 in the middle of ingest, then every sum is compared. Not for CI: about 20 minutes.
test-kills:
	@sh src/postgres/install.sh
	PATRON_KILLS=1000 cargo test --locked --test integration kills_in_the_middle -- --nocapture

# Writes the committed copies of formats (tests/golden) anew; refuses a change that breaks clients or databases.
golden:
	PATRON_GOLDEN=write cargo test --locked --lib -- golden
	PATRON_GOLDEN=write cargo test --locked --test integration -- golden::

# What CI runs.
check: lint docs test

fmt:
	cargo fmt

lint:
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

docs:
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked

bench:
	cargo bench --locked

# Lookups beside a stock tonic server, Redis, pgbench, Python and Node: those that are installed. Needs h2load (Debian: nghttp2-client).
bench-compare:
	cargo bench --locked --bench compare

# These two need tools of their own: cargo install typos-cli cargo-deny.
spelling:
	typos

deny:
	cargo deny --locked check bans licenses sources
