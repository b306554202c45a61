"""Local access to solar inverters, batteries and meters, without any cloud.

The package knows nothing of Home Assistant: it is used by the integration ``local_solar`` and by the command line
``solarlink`` alike.
"""

__version__ = "0.1.0"
