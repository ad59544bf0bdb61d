"""What to do about a node, in both languages of the console."""

from contracts.messages import NodeHealth, RadioTrouble, Throttling
from contracts.site import Name
from gateway.camera_advice import of_cameras, only_sees
from gateway.nodes import NodeReport, NodeState

CLOCK_MS = 60_000
OFFSET_MS = 1_000
"""A tick: observations of one moment that are so far apart are not put together."""
HOT_C = 75.0
SPOOLED = 60
DISK_BYTES = 200 * 1024 * 1024

NEVER = Name(
    en="Never heard of. Power it, and check that its site file and broker address name this mall.",
    zh="从未上线。请通电，并检查其站点文件和代理地址是否属于本商场。",
)
OFFLINE = Name(
    en="Its connection has ended. Check power and network; what it hears meanwhile is kept on its disk.",
    zh="连接已断开。请检查电源和网络；其间听到的数据保存在节点磁盘上。",
)
SILENT = Name(
    en="Connected, but it sends nothing. Restart its agent, and look at its log if that does not help.",
    zh="已连接但没有发送数据。请重启节点程序；若无效，请查看其日志。",
)
CLOCK = Name(
    en="Its clock is wrong: its data are refused. Check that it reaches a time server (NTP).",
    zh="节点时钟不准，其数据被拒收。请检查它能否访问时间服务器（NTP）。",
)
CLOCK_OFFSET = Name(
    en="Its clock is off: what it hears does not fit its neighbours. Check its time server (NTP).",
    zh="节点时钟有偏差，与相邻节点的观测对不上。请检查它能否访问时间服务器（NTP）。",
)
DEAF = Name(
    en="It hears nobody. Check its antenna, adapter and channel.",
    zh="听不到任何设备。请检查天线、网卡和信道。",
)
DROPPED = Name(
    en="It had to give up data because its disk was full. Mend its network, and give it more space.",
    zh="磁盘已满，部分数据已丢弃。请修复网络并增加磁盘空间。",
)
BEHIND = Name(
    en="It is catching up: data wait on its disk. If this lasts, its network is too slow.",
    zh="正在补传：数据积压在节点磁盘上。若持续如此，说明网络太慢。",
)
HOT = Name(en="It is too hot and will slow down. Give it air.", zh="温度过高，节点会降速。请改善通风。")
DISK = Name(en="Its disk is nearly full. Free some space.", zh="磁盘快满了。请清理空间。")

POWER = Name(
    en="Its power supply is too weak. Use the official one, a short cable, and a powered hub for adapters.",
    zh="供电不足。请使用官方电源和短线，网卡接有源集线器。",
)
RADIOS = {
    RadioTrouble.GONE: Name(
        en="Radio {radio} is not there. Plug the adapter in again, or into a powered hub.",
        zh="找不到网卡 {radio}。请重新插入，或接到有源集线器上。",
    ),
    RadioTrouble.BLOCKED: Name(
        en="Radio {radio} is switched off. Set the country in the site file, and install the node again.",
        zh="网卡 {radio} 被关闭。请在站点文件中设置国家，并重新安装节点。",
    ),
    RadioTrouble.DOWN: Name(
        en="Radio {radio} does not come up. Check its power and cable, or replace it.",
        zh="网卡 {radio} 无法启动。请检查供电和连线，或更换网卡。",
    ),
    RadioTrouble.WRONG_MODE: Name(
        en="Another program has taken radio {radio}. Run `sudo mallsense doctor` on the node.",
        zh="网卡 {radio} 被其他程序占用。请在节点上运行 sudo mallsense doctor。",
    ),
    RadioTrouble.WRONG_CHANNEL: Name(
        en="Radio {radio} does not stay on its channel. Run `sudo mallsense doctor` on the node.",
        zh="网卡 {radio} 不在设定的信道上。请在节点上运行 sudo mallsense doctor。",
    ),
    RadioTrouble.DEAF_DRIVER: Name(
        en="Radio {radio} goes deaf with its driver. Give it one channel, or use another adapter.",
        zh="网卡 {radio} 的驱动会失聪。请只给它一个信道，或更换网卡。",
    ),
    RadioTrouble.SILENT: Name(
        en="Radio {radio} hears nothing at all. Check its antenna, move it to another socket, or replace it.",
        zh="网卡 {radio} 什么也听不到。请检查天线，换一个插口，或更换网卡。",
    ),
}

_BY_STATE = {NodeState.NEVER: NEVER, NodeState.OFFLINE: OFFLINE}


def advice(report: NodeReport) -> Name | None:
    """What to do about a node first; None where all is well."""
    if (words := _BY_STATE.get(report.state)) is not None:
        return words
    if report.lag_ms is not None and report.lag_ms < -CLOCK_MS:
        return CLOCK
    if report.state is NodeState.SILENT:
        return SILENT
    deaf = report.observations_per_min == 0 and not only_sees(report.health)
    return _of_health(report) or (DEAF if deaf else None)


def _of_health(report: NodeReport) -> Name | None:
    health = report.health
    if health is None:
        return None
    temperature_c, disk_bytes, offset_ms = (
        health.temperature_c,
        health.disk_free_bytes,
        health.clock_offset_ms,
    )
    found = (
        (CLOCK_OFFSET, offset_ms is not None and abs(offset_ms) > OFFSET_MS),
        (DROPPED, health.dropped > 0),
        (BEHIND, health.spooled > SPOOLED),
        (HOT, temperature_c is not None and temperature_c > HOT_C),
        (DISK, disk_bytes is not None and disk_bytes < DISK_BYTES),
    )
    return next((words for words, holds in found if holds), None) or _of_radios(health) or of_cameras(health)


def _of_radios(health: NodeHealth) -> Name | None:
    """Say what to do about the first radio that is ill; a weak power supply is behind most of it."""
    if Throttling.UNDER_VOLTAGE in (health.throttling or ()):
        return POWER
    for radio in health.radios:
        if radio.trouble is not None:
            words = RADIOS[radio.trouble]
            return Name(en=words.en.format(radio=radio.interface), zh=words.zh.format(radio=radio.interface))
    return None
