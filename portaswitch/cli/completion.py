"""
`completion bash`: a script that completes commands and options with the Tab key, made from the parser itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from portaswitch.cli.command import OK, Commands, Context

SCRIPT = """\
# bash completion of portaswitch; to use it: source <(portaswitch completion bash)
_portaswitch() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path= word words=
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$path $word" in
            {paths}) path="$path $word" ;;
        esac
    done
    case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
{values}
    esac
    case "$path" in
{words}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    case "$path" in
        " load") COMPREPLY+=($(compgen -f -- "$cur")) ;;
    esac
}}
complete -o filenames -F _portaswitch portaswitch"""


def add(commands: Commands, top: argparse.ArgumentParser) -> None:
    """Add the command; `top` is the parser that it completes."""

    async def completion(context: Context) -> int:
        context.out.document({"shell": context.arguments.shell, "script": script(top)})
        context.out.line(script(top))
        return OK

    command = commands.command(
        "completion",
        "print a script that completes commands and options in a shell",
        "source <(portaswitch completion bash)\n"
        "portaswitch completion bash >/etc/bash_completion.d/portaswitch",
        completion,
    )
    command.add_argument("shell", choices=("bash",), help="the shell")


def script(top: argparse.ArgumentParser) -> str:
    """The bash script for all commands below `top`."""
    commands = list(_commands(top, ""))
    paths = "|".join(f'"{path}"' for path, _ in commands if path)
    words = "\n".join(f'        "{path}") words="{" ".join(_words(parser))}" ;;' for path, parser in commands)
    choices = {
        option: " ".join(map(str, values)) for _, parser in commands for option, values in _choices(parser)
    }
    values = "\n".join(
        f'        {option}) COMPREPLY=($(compgen -W "{words}" -- "$cur")); return ;;'
        for option, words in choices.items()
    )
    return SCRIPT.format(paths=paths, words=words, values=values)


def _commands(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parser and all below it, each with its words before it (' xdr list')."""
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _commands(below, f"{path} {name}")


def _words(parser: argparse.ArgumentParser) -> list[str]:
    """What may follow: names of commands, choices of arguments, options in their long form."""
    found: list[str] = []
    for action in parser._actions:
        if action.option_strings:
            found += [option for option in action.option_strings if option.startswith("--")]
        elif action.choices is not None:
            found += map(str, action.choices)
    return found


def _choices(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    for action in parser._actions:
        if action.option_strings and action.choices is not None:
            yield action.option_strings[-1], [str(choice) for choice in action.choices]
