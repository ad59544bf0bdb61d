"""Templates: one environment for all, where a value that is missing is an error and not an empty string."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("firmware_configs"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # configuration files, no web pages; values are checked by the site's model
    )


def render(template: str, **values: object) -> str:
    """Render a template of this package, such as `pi/node.env`."""
    return _environment().get_template(template).render(**values)
