"""What can be wrong with a radio, in words for the people who look after it."""

from typing import NamedTuple

from contracts.messages import RadioTrouble


class Words(NamedTuple):
    """A trouble, told."""

    what: str
    todo: str


WORDS = {
    RadioTrouble.GONE: Words(
        "is not there",
        "Plug the adapter in again, into another socket or a powered hub; then see `lsusb` and `dmesg`.",
    ),
    RadioTrouble.BLOCKED: Words(
        "is switched off (rfkill)",
        "Set the country (`sudo raspi-config nonint do_wifi_country CN`), then `sudo rfkill unblock wifi`.",
    ),
    RadioTrouble.DOWN: Words(
        "is down and does not come up",
        "See `dmesg` for what its driver says; a weak power supply does this, too.",
    ),
    RadioTrouble.WRONG_MODE: Words(
        "is not in monitor mode",
        "Another program uses it: keep NetworkManager and wpa_supplicant away from it, then try again.",
    ),
    RadioTrouble.WRONG_CHANNEL: Words(
        "does not go to its channel, or does not stay there",
        "Another interface of the same adapter may hold the channel, or the country does not allow it.",
    ),
    RadioTrouble.DEAF_DRIVER: Words(
        "has gone deaf, as its driver is known to do",
        "Give it one channel only, or use another adapter (docs/hardware.md).",
    ),
    RadioTrouble.SILENT: Words(
        "hears nothing, not even an access point",
        "Check its antenna; move it to another USB socket; if that does not help, replace it.",
    ),
}
