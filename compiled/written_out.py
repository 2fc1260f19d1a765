"""
Dataclasses written out, for mypyc.

mypyc makes a native class of a plain one: its fields are read and written in a nanosecond or two. A class with a decorator it doesn't know stays an
ordinary Python class, and one with `dataclass` gets the methods that the interpreter made, which set each field through its descriptor. So the copy that is
compiled has instead of the decorator what it would have made: `__init__`, `__eq__`, `__hash__`, `__repr__` and the order, in plain Python. What
`dataclasses.replace`, `asdict` and `fields` look at is told behind the class (`described.py` of the compiled package).

Lines of the source keep their text, comments and all; what is added stands behind the class body's last line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SOURCES = {"dataclasses": "dataclass", "portaswitch.model.value": "dataclass"}
"""Where a decorator that is written out may come from, and its name there."""

DESCRIBED = "portaswitch._described"
"""The module of the compiled copy that tells `dataclasses` of a class's fields."""


TAKING = ("asdict", "replace")
"""Functions of `dataclasses` that DESCRIBED has too."""


class Refused(Exception):
    """A dataclass uses what is not written out: the text says where and what."""


@dataclass(frozen=True)
class Column:
    """A field: its name, the text of its annotation, of its default or of what makes it, and where it does not count (`without`, of COUNTS)."""

    name: str
    annotation: str
    default: str | None
    factory: str | None
    without: frozenset[str] = frozenset()


COUNTS = ("init", "repr", "compare", "hash")
"""What `field` may leave a field out of."""


def written_out(text: str, name: str, compiled: bool) -> str:
    """
    The module's text without decorators of dataclasses.

    :param name: of the module, for faults
    :param compiled: it is compiled; otherwise its own dataclasses stay as they are, and `replace` is one that takes others'.
    """
    tree = ast.parse(text)
    decorators = _decorators(tree) if compiled else set()
    lines = text.splitlines()
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known: dict[str, list[Column]] = {}
    rewritten: list[Rewritten] = []
    for node in sorted(found, key=lambda one: one.lineno):
        options = _options(node, decorators, name)
        if options is not None:
            rewritten.append(_read(text, node, options, known, name))
    if compiled and any([_of_class(lines, node) for node in found]):
        lines[_future(tree) - 1] += "; import typing"
    rewritten += [one for node in found if compiled and (one := _implementing(node))]
    for one in sorted(rewritten, key=lambda one: -one.node.lineno):
        _rewrite(lines, text, one)
    _import(lines, tree, bool(rewritten))
    return "\n".join(lines) + "\n"


def _of_class(lines: list[str], node: ast.ClassDef) -> bool:
    """A logger belongs to its class: mypyc takes an attribute without an annotation for one of each instance. Whether there is one."""
    for part in node.body:
        if isinstance(part, ast.Assign) and ast.unparse(part) == "_log = Logger()":
            lines[part.lineno - 1] = " " * part.col_offset + "_log: typing.ClassVar = Logger()"
            return True
    return False


def _future(tree: ast.Module) -> int:
    """The line of the imports from __future__, before which none may stand."""
    return next(node.end_lineno or node.lineno for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _decorators(tree: ast.Module) -> set[str]:
    """By which names the module knows the decorator."""
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module in SOURCES
        for alias in node.names
        if alias.name == SOURCES[node.module]
    }


def _options(node: ast.ClassDef, decorators: set[str], module: str) -> Mapping[str, bool] | None:
    """The decorator's arguments; None where the class is no dataclass."""
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Name) and called.id in decorators:
            if len(node.decorator_list) > 1:
                raise Refused(f"{module}:{node.lineno}: {node.name} has other decorators")
            words = decorator.keywords if isinstance(decorator, ast.Call) else []
            return {str(word.arg): ast.literal_eval(word.value) for word in words}
    return None


@dataclass(frozen=True)
class Rewritten:
    """A class to be rewritten, and the lines that are put behind its body; `valued`: its fields with a default."""

    node: ast.ClassDef
    valued: list[ast.AnnAssign]
    behind: list[str]


def _read(text: str, node: ast.ClassDef, options: Mapping[str, bool], known: dict[str, list[Column]], module: str) -> Rewritten:
    """What the decorator makes of the class, whose bases are dataclasses of this module."""
    unknown = set(options) - {"frozen", "slots", "order", "repr", "unsafe_hash", "eq"}
    bases = [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
    if unknown or not set(bases) <= set(known):
        raise Refused(f"{module}:{node.lineno}: {node.name}: {', '.join(sorted(unknown)) or 'bases of elsewhere'}")
    own, valued = _columns(text, node, module)
    columns = [column for base in bases for column in known[base]] + own
    known[node.name] = columns
    has = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    indent = " " * node.body[0].col_offset
    made = [
        indent + line if line else ""
        for method, body in _methods(node.name, columns, options, "__post_init__" in has).items()
        if method not in has
        for line in ("", *body)
    ]
    told = ", ".join([node.name, _facts(columns), *([f"{node.name}.{COPIED}"] if _can_be_copied(columns) else [])])
    return Rewritten(node, valued, [*made, "", f'{" " * node.col_offset}_described({told})'])


def _implementing(node: ast.ClassDef) -> Rewritten | None:
    """zope's decorator as what it does, since a native class has none; None where the class has another, or none."""
    decorator = node.decorator_list[0] if len(node.decorator_list) == 1 else None
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "implementer":
        return None
    names = ", ".join([node.name, *map(ast.unparse, decorator.args)])
    return Rewritten(node, [], ["", f'{" " * node.col_offset}_implements({names})'])


def _rewrite(lines: list[str], text: str, one: Rewritten) -> None:
    """Take the decorator off, and put what it makes behind the class."""
    last = one.node.end_lineno or one.node.lineno
    lines[last:last] = one.behind
    for statement in reversed(one.valued):
        lines[statement.lineno - 1 : statement.end_lineno] = _bare(statement, text, " " * statement.col_offset)
    first = one.node.decorator_list[0]
    for number in range(first.lineno - 1, first.end_lineno or first.lineno):
        lines[number] = ""


def _columns(text: str, node: ast.ClassDef, module: str) -> tuple[list[Column], list[ast.AnnAssign]]:
    """The fields in order, and the statements of those with a default."""
    columns: list[Column] = []
    valued: list[ast.AnnAssign] = []
    for part in node.body:
        if not isinstance(part, ast.AnnAssign) or not isinstance(part.target, ast.Name):
            continue
        annotation = ast.get_source_segment(text, part.annotation) or ""
        if annotation.startswith(("ClassVar", "InitVar")):
            raise Refused(f"{module}:{part.lineno}: {annotation}")
        columns.append(_column(text, part.target.id, " ".join(annotation.split()), part.value, module))
        if part.value is not None:
            valued.append(part)
    return columns, valued


def _column(text: str, name: str, annotation: str, value: ast.expr | None, module: str) -> Column:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "field":
        words = {str(word.arg): " ".join((ast.get_source_segment(text, word.value) or "").split()) for word in value.keywords}
        unknown = set(words) - {"default", "default_factory", *COUNTS}
        if unknown:
            raise Refused(f"{module}:{value.lineno}: field({', '.join(sorted(unknown))})")
        without = frozenset(word for word in COUNTS if words.get(word) == "False")
        return Column(name, annotation, words.get("default"), words.get("default_factory"), without)
    default = None if value is None else " ".join((ast.get_source_segment(text, value) or "").split())
    return Column(name, annotation, default, None)


def _bare(statement: ast.AnnAssign, text: str, indent: str) -> list[str]:
    """The field without its default, on as many lines."""
    assert isinstance(statement.target, ast.Name)
    annotation = " ".join((ast.get_source_segment(text, statement.annotation) or "").split())
    more = (statement.end_lineno or statement.lineno) - statement.lineno
    return [f"{indent}{statement.target.id}: {annotation}", *([""] * more)]


def _methods(name: str, columns: Sequence[Column], options: Mapping[str, bool], after: bool) -> dict[str, list[str]]:
    """What the decorator makes, by the method's name."""
    made = {"__init__": list(_init(columns, after))}
    if options.get("repr", True):
        made["__repr__"] = _repr(name, columns)
    compared = [column.name for column in columns if "compare" not in column.without]
    hashed = [column.name for column in columns if not column.without & {"compare", "hash"}]
    if options.get("eq", True):
        made["__eq__"] = _compared(name, "__eq__", "==", compared)
    if options.get("frozen") or options.get("unsafe_hash"):
        made["__hash__"] = ["def __hash__(self) -> int:", f"    return hash({_tuple('self', hashed)})"]
    if _can_be_copied(columns):
        made[COPIED] = _copied(name, columns)
    if options.get("order"):
        made |= {method: _compared(name, method, sign, compared) for method, sign in ORDER.items()}
    return made


ORDER = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


COPIED = "_copied"
"""The method that `replace` calls."""


def _can_be_copied(columns: Sequence[Column]) -> bool:
    """What has no part in `__init__` would be made anew."""
    return not any("init" in column.without for column in columns)


def _copied(name: str, columns: Sequence[Column]) -> list[str]:
    given = ", ".join(f'changes["{column.name}"] if "{column.name}" in changes else self.{column.name}' for column in columns)
    return [f"def {COPIED}(self, changes: _Changes) -> {name}:", f"    return {name}({given})"]


def _init(columns: Sequence[Column], after: bool) -> Iterator[str]:
    given = [column for column in columns if "init" not in column.without]
    yield "def __init__(self" + "".join(f", {_parameter(column)}" for column in given) + ") -> None:"
    for column in columns:
        if column not in given:
            yield f"    self.{column.name} = {_made(column)}"
        elif column.factory is None:
            yield f"    self.{column.name} = {column.name}"
        else:
            yield f"    self.{column.name} = {_made(column)} if {column.name} is None else {column.name}"
    if after:
        yield "    self.__post_init__()"
    if not columns:
        yield "    pass"


def _made(column: Column) -> str:
    factory = column.factory or ""
    return factory.removeprefix("lambda:").strip() if factory.startswith("lambda:") else f"{factory}()"


def _parameter(column: Column) -> str:
    if column.factory is not None:
        return f"{column.name}: {column.annotation} | None = None"
    return f"{column.name}: {column.annotation}" + (f" = {column.default}" if column.default is not None else "")


def _repr(name: str, columns: Sequence[Column]) -> list[str]:
    shown = ", ".join(f"{column.name}={{self.{column.name}!r}}" for column in columns if "repr" not in column.without)
    return ["def __repr__(self) -> str:", f'    return f"{name}({shown})"']


def _compared(name: str, method: str, sign: str, compared: Sequence[str]) -> list[str]:
    return [
        f"def {method}(self, other: object) -> bool:",
        f"    if not isinstance(other, {name}) or other.__class__ is not self.__class__:",
        "        return NotImplemented",
        f"    return {_tuple('self', compared)} {sign} {_tuple('other', compared)}",
    ]


def _tuple(of: str, names: Sequence[str]) -> str:
    return "(" + "".join(f"{of}.{name}, " for name in names).rstrip() + ")"


def _facts(columns: Sequence[Column]) -> str:
    """What `described` is told of each field: its name, and what of COUNTS it has no part in."""
    return "(" + "".join(f"({column.name!r}, {tuple(sorted(column.without))}), " for column in columns) + ")"


def _import(lines: list[str], tree: ast.Module, described: bool) -> None:
    """Take what a written-out class needs from DESCRIBED, on the lines of the module's own imports: what takes dataclasses has to take what mypy sees plain."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses" and any(alias.name in TAKING for alias in node.names):
            others = [ast.unparse(alias) for alias in node.names if alias.name not in TAKING]
            ours = [ast.unparse(alias) for alias in node.names if alias.name in TAKING]
            first = node.lineno - 1
            lines[first] = f"from {DESCRIBED} import {', '.join(ours)}" + (f"; from dataclasses import {', '.join(others)}" if others else "")
            lines[first + 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno)
    if described:
        place = max(node.end_lineno or node.lineno for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
        lines.insert(place, f"from {DESCRIBED} import Changes as _Changes, described as _described; from zope.interface import classImplements as _implements")
