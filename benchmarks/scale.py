"""Indexes at scale: each subcommand measures one figure, on this machine and in one run.

    python benchmarks/scale.py ann --docs 1000000

A subcommand is a module in this folder, with ``add_arguments(parser)``, ``main(args)`` and a docstring for its help.
"""
import argparse
import importlib

#: Names of subcommands and their modules.
COMMANDS = {'ann': '_scale_ann', 'build': '_scale_build', 'exact': '_scale_exact', 'plan': '_scale_plan',
            'simulate': '_scale_simulate', 'storage': '_scale_storage'}  # fmt: skip


def main() -> None:
    """Runs the chosen subcommand."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest='command', required=True)
    for name, module in COMMANDS.items():
        work = importlib.import_module(module)
        command = commands.add_parser(name, description=work.__doc__, help=work.__doc__.splitlines()[0],
                                      formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        work.add_arguments(command)
        command.set_defaults(work=work.main)
    args = parser.parse_args()
    args.work(args)


if __name__ == '__main__':
    main()
