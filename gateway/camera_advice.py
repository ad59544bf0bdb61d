"""What to do about a camera, in both languages of the console."""

from contracts.messages import NodeHealth
from contracts.plates import CameraTrouble
from contracts.site import Name

CAMERAS = {
    CameraTrouble.GONE: Name(
        en="Camera {camera} does not answer. Check its cable, its power and its address.",
        zh="摄像头 {camera} 没有响应。请检查网线、电源和地址。",
    ),
    CameraTrouble.REFUSED: Name(
        en="Camera {camera} does not let the node in. Check user and password.",
        zh="摄像头 {camera} 拒绝登录。请检查用户名和密码。",
    ),
    CameraTrouble.WRONG_CODEC: Name(
        en="Camera {camera} sends no picture that can be decoded. Set it to H.264.",
        zh="摄像头 {camera} 的视频无法解码。请将其编码设为 H.264。",
    ),
    CameraTrouble.GARBAGE: Name(
        en="Camera {camera} sends broken pictures. Look at its network and its bit rate, and restart it.",
        zh="摄像头 {camera} 的画面损坏。请检查网络和码率，并重启摄像头。",
    ),
    CameraTrouble.FROZEN: Name(
        en="Camera {camera} shows the same picture again and again. Restart it.",
        zh="摄像头 {camera} 的画面一直不变。请重启摄像头。",
    ),
    CameraTrouble.CLOCK: Name(
        en="The time of camera {camera} has jumped. Check that its node reaches a time server (NTP).",
        zh="摄像头 {camera} 的时间发生跳变。请检查其节点能否访问时间服务器（NTP）。",
    ),
}


def of_cameras(health: NodeHealth) -> Name | None:
    """Say what to do about the first camera that is ill; None where none is."""
    for camera in health.cameras:
        if camera.trouble is not None:
            words = CAMERAS[camera.trouble]
            return Name(en=words.en.format(camera=camera.camera), zh=words.zh.format(camera=camera.camera))
    return None


def only_sees(health: NodeHealth | None) -> bool:
    """Tell whether a node has cameras alone: that it hears nobody is no fault."""
    return health is not None and bool(health.cameras) and not health.radios
