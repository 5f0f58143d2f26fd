"""One visit to one namespace: entered, read, written, left with the thread's end. All of it in the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from converge.kernel import processes
from converge.kernel.namespace import cookie, enter
from converge.kernel.reader import Reader, resolv_conf, sysctls, text_of
from converge.kernel.writer import Writer
from converge.model import Dumps, Operation


class Session:
    """The calling thread is in the pod's namespace for good."""

    def __init__(self, table: str) -> None:
        self._cookie = cookie()
        self._reader = Reader(table)
        self._writer = Writer(self._cookie)

    def read(self, set_names: Callable[[bytes], Iterable[str]], every_table: bool = False) -> Dumps:
        """The dumps of the namespace. `set_names` finds in the dump of sets those whose elements to ask for; `every_table`:
        routes of all tables, not just main.
        """
        dumps = self._reader.read(every_table)
        elements = self._reader.elements(set_names(dumps.sets)) if dumps.sets else {}
        foreign = {family: self._writer.nat_table(family) for family in dumps.foreign_nat}
        return replace(dumps, elements=elements, processes=processes.observe(self._cookie), foreign_nat=foreign)

    def sysctls(self, names: Collection[str]) -> Mapping[str, str]:
        return sysctls(names)

    def functions(self, parents: Iterable[int]) -> bytes:
        """The links of these numbers, with their virtual functions."""
        return self._reader.functions(parents)

    def log(self, owner: str, program: str) -> str:
        """What a process that serves this pod has written."""
        return processes.log(self._cookie, owner, program)

    def trim(self) -> None:
        """Keep what processes write within bounds."""
        processes.trim(self._cookie)

    def resolv_conf(self, document_target: tuple[str, str], paths: Iterable[str]) -> Mapping[str, str]:
        """Texts by path; "" stands for the pod's own file. What does not exist is empty."""
        return {path: resolv_conf(*document_target) if not path else text_of(path) for path in paths}

    def execute(self, operation: Operation) -> None:
        self._writer.execute(operation)

    def close(self) -> None:
        """Writer first: closing an nfnetlink socket right after a deletion waits for the kernel, 12 ms, whoever does it."""
        self._writer.close()
        self._reader.close()


@contextmanager
def session(descriptor: int, table: str) -> Iterator[Session]:
    """Enter the namespace with the calling thread, which can never leave it; `table` is our nft table's name."""
    enter(descriptor)
    visit = Session(table)
    try:
        yield visit
    finally:
        visit.close()
