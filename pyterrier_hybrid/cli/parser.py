"""Arguments from the command line and from a file, and the record of a command."""
import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import yaml

#: The most bytes of a configuration. It is a page of text; a larger file is something else.
_LARGEST = 1 << 20


class WrongArguments(ValueError):
    """Arguments that do not go together, or a value that an option does not take; the exit code is 2."""


class _Loader(yaml.BaseLoader):
    """Keeps every scalar as text, since YAML would read the language "no" as False.

    Refuses repeated options, and aliases: a few aliases of aliases can stand for billions of values.
    """

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f'line {self.peek_event().start_mark.line + 1} has an alias; write the value out')
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        names = set()
        for name, _ in node.value:
            if name.value in names:
                line = name.start_mark.line + 1
                raise yaml.YAMLError(f'line {line} has {str(name.value)!r:.80} again; keep one of them')
            names.add(name.value)
        return super().construct_mapping(node, deep)


class CommandParser(argparse.ArgumentParser):
    """An argument parser that also reads options from a YAML file, if it has an option ``--config``.

    The file maps options, without their dashes, to values: a list for an option that takes several, true for a flag. An
    option on the command line replaces the file's.
    """

    def __init__(self, **settings):
        self.options: dict[str, argparse.Action] = {}
        settings = {'formatter_class': argparse.RawDescriptionHelpFormatter, 'allow_abbrev': False, **settings}
        super().__init__(**settings)

    def add_argument(self, *names, **settings) -> argparse.Action:
        """As :meth:`argparse.ArgumentParser.add_argument`; notes the option by its name."""
        action = super().add_argument(*names, **settings)
        if names and names[-1].startswith('--'):
            self.options[names[-1][2:]] = action
        return action

    def parse_known_args(self, args=None, namespace=None):
        """Puts the file's options before those of the command line, and keeps all of them for the record."""
        if 'config' in self.options:
            args = [*self._from_file(args), *args]
        namespace, rest = super().parse_known_args(args, namespace)
        if 'config' in self.options:
            values = {name: getattr(namespace, action.dest, None) for name, action in self.options.items()}
            namespace.given = {name: v for name, v in values.items() if name not in ('help', 'config')}
        return namespace, rest

    def _from_file(self, args: Sequence[str]) -> list[str]:
        """Returns the options of the file that ``--config`` names, as arguments, without those that ``args`` has."""
        finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        finder.add_argument('--config', type=Path)
        path = finder.parse_known_args(args)[0].config
        if path is None:
            return []
        there = {arg.split('=', 1)[0][2:] for arg in args if arg.startswith('--')}
        return [
            argument
            for name, value in self._read(path).items() if name not in there
            for argument in self._as_arguments(path, name, value)
        ]  # fmt: skip

    def _read(self, path: Path) -> dict:
        try:
            if path.stat().st_size > _LARGEST:
                self.error(f'--config {path} has {path.stat().st_size:,} bytes; it is no configuration')
            content = yaml.load(path.read_text(encoding='utf-8'), Loader=_Loader)
        except OSError as error:
            self.error(f'--config {path} cannot be read: {error.strerror}')
        except RecursionError:
            self.error(f'--config {path} is nested too deeply; it maps options to values')
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            self.error(f'--config {path} is not YAML: {" ".join(str(error).split())}')
        if not isinstance(content, dict):
            self.error(f'--config {path} must map options to values, such as "steps: 400"')
        unknown = [name for name in content if name not in self.options or name in ('help', 'config')]
        if unknown:
            known = ', '.join(name for name in self.options if name not in ('help', 'config'))
            self.error(f'--config {path} has the option {unknown[0]!r:.80}; {self.prog} has {known}')
        return content

    def _as_arguments(self, path: Path, name: str, value) -> list[str]:
        option, action = f'--{name}', self.options[name]
        if action.nargs == 0:
            if value not in ('true', 'false'):
                self.error(f'--config {path}: {name} is {value!r:.80}; it is true or false')
            return [option] if value == 'true' else []
        repeated = isinstance(action, argparse._AppendAction) and isinstance(value, list)
        arguments = []
        for one in value if repeated else [value]:
            values = one if isinstance(one, list) else [one]
            if not all(isinstance(each, str) for each in values):
                self.error(f'--config {path}: {name} takes {"a value or a list" if action.nargs else "one value"}')
            if action.nargs is None and isinstance(one, list):
                self.error(f'--config {path}: {name} takes one value, not a list')
            arguments += [f'{option}={one}'] if action.nargs is None else [option, *values]
        return arguments


def keep_record(arguments: argparse.Namespace, output: Path) -> Path:
    """Writes a command's options beside its output, as a file for ``--config``.

    Args:
        arguments: parsed by a :class:`CommandParser`.
        output: a file or folder; the record is ``<output>.config.yaml``.
    """
    options = {name: _plain(v) for name, v in arguments.given.items() if v is not None and v is not False and v != []}
    path = output.with_name(f'{output.name}.config.yaml')
    lines = [f'{name}: {json.dumps(value, ensure_ascii=False)}\n' for name, value in options.items()]  # JSON is YAML
    path.write_text(f'# pyterrier-hybrid {arguments.command} --config THIS_FILE\n{"".join(lines)}', encoding='utf-8')
    return path


def _plain(value):
    """An option's value as a JSON value."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | int | float | str) else str(value)
