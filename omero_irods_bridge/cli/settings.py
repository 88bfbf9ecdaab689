"""``omero-irods settings``."""

from __future__ import annotations

from pydantic import ByteSize

from omero_irods_bridge.cli import output, views
from omero_irods_bridge.cli.options import Config, OmeroLogin, Shown


def settings(shown: Shown, login: OmeroLogin, config: Config) -> None:
    """Show every setting, and where its value comes from.

    A flag wins over the environment (OMERO_IRODS_OMERO__HOST for host below [omero]), and that over
    the file: the one of --config, else of OMERO_IRODS_CONFIG, else ~/.config/omero-irods-bridge/config.toml,
    else /etc/omero-irods-bridge/config.toml.  Example:  omero-irods settings --json
    """
    from omero_irods_bridge.settings import load, standard_files

    loaded = load(config.config, login.settings())
    if shown.as_json:
        values = {
            one.name: {"value": views.plain(one.value), "source": one.source} for one in loaded.values()
        }
        output.json_result({"file": views.plain(loaded.file), "settings": values})
        return
    rows = ((one.name, _text(one.value), one.source) for one in loaded.values())
    output.table(("SETTING", "VALUE", "SOURCE"), rows)
    if loaded.file is None:
        output.note(f"No file was read; looked for {' and '.join(map(str, standard_files()))}.")


def _text(value: object) -> str:
    if isinstance(value, ByteSize):
        return value.human_readable(separator=" ")
    return "" if value is None else str(value)
