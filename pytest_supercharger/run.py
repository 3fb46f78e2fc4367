"""One run, from the stubs that were found to a report: the whole journey in order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pytest_supercharger.bundled import is_tiny
from pytest_supercharger.conclusion import SoFar, conclude
from pytest_supercharger.config import Mode, Settings
from pytest_supercharger.confirm import confirm
from pytest_supercharger.deliver import diffs_of, save_patch, undisturbed, write_all
from pytest_supercharger.entangled import Filling
from pytest_supercharger.exceptions import ModelUnavailable, SetupError, SourceError
from pytest_supercharger.fill import NotFilled
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.linking import link
from pytest_supercharger.models.ahead import Foreseeing
from pytest_supercharger.models.base import Model, ModelInfo
from pytest_supercharger.models.upgrade import Upgrade, find_upgrade
from pytest_supercharger.planning import make_plan
from pytest_supercharger.prompts import Prompts
from pytest_supercharger.reporting import progress as events
from pytest_supercharger.reporting.report import Report
from pytest_supercharger.roles import Bigger
from pytest_supercharger.sandboxes.base import Sandbox
from pytest_supercharger.stubs import Found, SourceText
from pytest_supercharger.tree import Tree
from pytest_supercharger.workbench import Hooks, Workbench, first_line, is_left


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the user asked for and what was found."""

    settings: Settings
    rootdir: Path
    found: Found
    sources: Mapping[str, SourceText]  # of every file that holds a stub
    only: tuple[str, ...]  # targets that narrow the stubs
    selection: tuple[str, ...]  # pytest arguments that choose the tests
    narrowed: bool  # the user chose tests
    command: tuple[str, ...]  # how the run was started
    notes: tuple[str, ...]  # said once: what was neutralised


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the run works with; concrete ones are made by the caller."""

    model: Model
    judge: Model | None = None  # None: whoever wrote judges as well
    judge_info: ModelInfo | None = None  # of the judge that was named
    bigger: Bigger | None = None  # asked for what the model leaves open
    sandbox: Sandbox
    prompts: Prompts
    hooks: Hooks
    ledger: Ledger
    ledger_run: int
    progress: events.Progress


def run(inputs: Inputs, rooms: Rooms) -> Report:
    """Fill the stubs and deliver; a Ctrl-C, or a model lost, ends in a report of what there is."""
    journey = _Journey(inputs, rooms)
    try:
        journey.link()
        journey.plan()
        if inputs.settings.mode is not Mode.LIST:
            journey.fill()
            journey.confirm()
            journey.deliver()
    except KeyboardInterrupt:
        journey.so_far.interrupted = True
    except ModelUnavailable as error:
        journey.so_far.interrupted = True
        journey.so_far.error = str(error)
    return journey.report()


class _Journey:
    def __init__(self, inputs: Inputs, rooms: Rooms) -> None:
        self.inputs = inputs
        self.rooms = rooms
        self.settings = inputs.settings
        self.tree = Tree(inputs.sources, inputs.found.stubs)
        self.tell = rooms.progress.tell
        self.asked = [rooms.model]  # in order
        self.then = rooms.bigger.info if rooms.bigger else None
        self.so_far = SoFar(
            settings=inputs.settings,
            rootdir=inputs.rootdir,
            found=inputs.found,
            only=inputs.only,
            command=inputs.command,
            notes=inputs.notes,
        )

    def link(self) -> None:
        """Learn which tests reach which stub."""
        self.tell(events.Linking())
        began = time.monotonic()
        links = link(
            self.inputs.found.stubs,
            sources={path: source.text for path, source in self.inputs.sources.items()},
            sandbox=self.rooms.sandbox,
            selection=self.inputs.selection,
            timeout=self.settings.timeout,
            rootdir=self.inputs.rootdir,
        )
        seconds = time.monotonic() - began
        self.so_far.links = links
        covered = len(links.tests)
        self.tell(events.Linked(tests=len(links.seconds), stubs=covered, seconds=seconds))

    def plan(self) -> None:
        """Decide which stubs are filled, in which order."""
        self.so_far.plan = make_plan(
            self.inputs.found.stubs,
            self.so_far.known,
            only=self.inputs.only,
            narrowed=self.inputs.narrowed,
        )

    def fill(self) -> None:
        """Search for a body of each stub; winners are in place for the stubs after them."""
        so_far = self.so_far
        plan, tests = so_far.planned, dict(so_far.known.tests)
        so_far.links = replace(so_far.known, tests=tests)  # more become known meanwhile
        filling = Filling(
            bench=self.bench,
            stubs={stub.id: stub for stub in (*plan.order, *plan.optional)},
            tests=tests,
            seconds=self.settings.seconds,
            taken=so_far.taken,
            results=so_far.results,
        )
        self.bench.order = plan.order
        filling.fill(plan.order)
        so_far.plan = plan.joined_by(so_far.results)
        results = [so_far.results.get(stub.id) for stub in so_far.plan.order]
        left = [result for result in results if is_left(result)]
        if left and self.rooms.bigger:
            self._go_on(filling, left, self.rooms.bigger)

    def _go_on(self, filling: Filling, left: Sequence[NotFilled], bigger: Bigger) -> None:
        """The same with a bigger model, for what is left."""
        results = self.so_far.results
        try:
            model = bigger.open()
        except SetupError as error:  # what was found so far is not lost with it
            self.so_far.troubles.append(f"{bigger.info.name} cannot be asked for the rest: {error}")
            for result in left:
                self.bench.settle(result.stub, result)
            return
        self.then = model.info
        self.tell(events.MovedOn(stubs=len(left), model=model.info))
        stubs = [result.stub for result in left]
        self.asked.append(model)
        self.bench = replace(self.bench, model=model, leaves_to="", order=stubs)
        try:
            filling.go_on(self.bench, stubs)
        except ModelUnavailable as error:
            self.so_far.troubles.append(f"{model.info.name} was not asked to the end: {error}")
            filling.stop()
            for result in left:
                if result.stub.id not in results:
                    self.bench.settle(result.stub, result)
        finally:
            for result in left:  # its turn may not have come again, or to nothing
                found = results.setdefault(result.stub.id, result)
                if isinstance(found, NotFilled) and found.nearest is None:
                    results[result.stub.id] = replace(found, nearest=result.nearest)
        self.so_far.plan = self.so_far.planned.joined_by(results)

    def confirm(self) -> None:
        """Stock pytest on all winners together."""
        taken = self.so_far.taken
        if not taken:
            return
        self.tell(events.Confirming(stubs=len(taken)))
        self.so_far.confirmation = confirm(
            {stub: self.bench.belonging(stub) for stub in taken},
            tree=lambda stubs: self.tree.files({stub: taken[stub] for stub in stubs}),
            links=self.so_far.known,
            sandbox=self.rooms.sandbox,
            selection=self.inputs.selection,
            timeout=self.settings.timeout,
            rootdir=self.inputs.rootdir,
        )
        for stub, items in self.so_far.confirmation.broken.items():
            reason = f"it breaks {items[0].id}: {first_line(items[0].detail)}"
            self.so_far.take_back(stub, reason)

    def deliver(self) -> None:
        """Write, or make the diff or the patch."""
        with undisturbed():
            if self.settings.mode is Mode.WRITE:
                self._write()
            else:
                self._show()
            self.so_far.delivered = True

    def report(self) -> Report:
        """All there is to say, also about a run that was interrupted."""
        concluded = conclude(
            self.so_far,
            model=self.rooms.model.info,
            then=self.then,
            judge=self.rooms.judge_info,
            sandbox=self.rooms.sandbox,
            searching=self.bench.searching if self.so_far.links else "",
            warnings=self.rooms.ledger.warnings,
            tokens=lambda stub: self.bench.first_prompt_tokens(stub),
            in_vain=self._decoded_in_vain(),
        )
        return replace(concluded, upgrade=self._upgrade(concluded))

    def _upgrade(self, concluded: Report) -> Upgrade | None:
        """What would serve, where the bundled model was asked alone and has left something."""
        writer = self.rooms.model.info
        if self.then or concluded.interrupted or not is_tiny(writer.source):
            return None
        if not concluded.worth_more:
            return None
        return find_upgrade(Path(writer.source), self.settings.gpu.value)

    def _decoded_in_vain(self) -> Counter[str]:
        """Tokens of answers that were begun beforehand and never asked for, by stub."""
        in_vain: Counter[str] = Counter()
        for model in self.asked:
            if isinstance(model, Foreseeing):
                in_vain.update(model.unclaimed())
        return in_vain

    # --- with what, and how

    @cached_property
    def bench(self) -> Workbench:
        return Workbench(
            settings=self.settings,
            rootdir=self.inputs.rootdir,
            selection=self.inputs.selection,
            stubs=self.inputs.found.stubs,
            tree=self.tree,
            links=self.so_far.known,
            model=self.rooms.model,
            judge=self.rooms.judge,
            leaves_to=self.then.name if self.then else "",
            sandbox=self.rooms.sandbox,
            wording=self.rooms.prompts,
            hooks=self.rooms.hooks,
            ledger=self.rooms.ledger,
            ledger_run=self.rooms.ledger_run,
            progress=self.rooms.progress,
        )

    def _show(self) -> None:
        so_far = self.so_far
        so_far.diffs = diffs_of(self.tree, so_far.taken)
        if self.settings.mode is Mode.PATCH:
            save_patch(self.settings.patch, so_far.diffs.values())
            so_far.patch = self.settings.patch

    def _write(self) -> None:
        so_far = self.so_far
        everything = diffs_of(self.tree, so_far.taken)
        for path in everything:
            stubs = self.inputs.found.stubs
            bodies = sum(stub.path == path for stub in stubs if stub.id in so_far.taken)
            self.tell(events.Writing(path=path, stubs=bodies))
        so_far.refused = write_all(
            self.tree,
            so_far.taken,
            rootdir=self.inputs.rootdir,
            ledger=self.rooms.ledger,
            run=self.rooms.ledger_run,
        )
        kept = [everything[refused.path] for refused in so_far.refused]
        waiting = so_far.waiting_for_others()
        kept += list(diffs_of(self.tree, waiting).values()) if waiting else []
        if kept:
            self._keep_back(kept)
        if so_far.patch:
            so_far.say_kept(waiting)

    def _keep_back(self, diffs: list[str]) -> None:
        """As a patch; where its place is full or read-only, beside the ledger."""
        for path in (self.settings.patch, self.rooms.ledger.path.with_suffix(".patch")):
            try:
                save_patch(path, diffs)
            except SourceError as error:
                self.so_far.troubles.append(str(error))
            else:
                self.so_far.patch = path
                return
