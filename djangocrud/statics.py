"""How a release keeps styles and scripts: compressed, and named by what is in them, for ever cacheable."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

_, _IMPORTS = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns


class NamedByContent(CompressedManifestStaticFilesStorage):
    """Our modules import one another by these names, too: otherwise a page would load one of them twice, and open its
    socket twice. Not so for the scripts of others, which import what they do not ship."""

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("console/*.js", _IMPORTS))
