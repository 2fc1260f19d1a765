"""The lines of dictionary text, one form for all wires: words between blanks, `#` to the end of the line, the first word says what is defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Define = Callable[[Sequence[str]], None]
"""Takes the words behind the first one; ValueError or KeyError say what is wrong with them."""


class DictionaryError(ValueError):
    """A dictionary file is wrong; the text names file and line and says what was expected."""


def number_of(word: str) -> int:
    """A decimal or 0x number."""
    return int(word, 16) if word.lower().startswith("0x") else int(word)


def define_all(name: str, text: str, keywords: Mapping[str, Define]) -> None:
    """
    Hand each line of a file to what its first word stands for.

    :param name: the file's name, for errors.
    :raises DictionaryError: for the first line that can't be understood.
    """
    for place, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        define = keywords.get(words[0].upper())
        if define is None:
            raise DictionaryError(f"{name}:{place}: unknown word {words[0]}; use one of {', '.join(keywords)}")
        try:
            define(words[1:])
        except (ValueError, KeyError) as error:
            raise DictionaryError(f"{name}:{place}: {words[0]}: {error}") from None
