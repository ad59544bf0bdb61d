"""What the names on a mall's own plans mean: which are shops, and what people call them.

Plans drawn for indoor navigation name every polygon, also the ones nobody visits, often in pinyin.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape

from contracts.site import Name, ZoneKind

KIOSK_M2 = 8.0
"""Less than this is a vending machine or a stand: too small to tell its visitors from passers-by."""


@dataclass(frozen=True)
class Place:
    """What is known of a polygon of a plan from its name."""

    name: Name
    kind: ZoneKind
    category: str = ""


# Nobody walks here: walls, shafts and plant rooms; areas closed to the public; voids between floors.
CLOSED = {"fuzhumian", "feikaifangquyu", "zhongkong", "辅助面", "非开放区域", "中空", "void", "nonpublic"}

# Word in the name -> what it is. The first that matches wins; a word counts as a whole or as a Chinese part.
_KINDS: tuple[tuple[str, ZoneKind, str, str, str], ...] = (
    (r"xishoujian\w*|toilets?|restrooms?|洗手间|卫生间", ZoneKind.FACILITY, "toilets", "Toilets", "洗手间"),
    (r"xiuxiqu|seating|休息区", ZoneKind.FACILITY, "seating", "Seating", "休息区"),
    (r"jiedaichu|reception|information|接待处|服务台", ZoneKind.FACILITY, "service", "Reception", "接待处"),
    (r"kongpu|vacant|空铺", ZoneKind.FACILITY, "vacant", "Vacant unit", "空铺"),
    (r"muyingshi|nursery|母婴室", ZoneKind.FACILITY, "nursery", "Nursery", "母婴室"),
    (r"futi|fushoudianti|zidongfuti|escalators?|扶梯", ZoneKind.VERTICAL, "escalator", "Escalator", "扶梯"),
    (r"dianti|zhiti|elevators?|lifts?|电梯|直梯", ZoneKind.VERTICAL, "lift", "Lift", "电梯"),
    (r"louti|stairs?|stairway|staircase|楼梯", ZoneKind.VERTICAL, "stairs", "Stairs", "楼梯"),
    (r"rukou|chukou|churukou|entrance|exit|入口|出口|出入口", ZoneKind.ENTRANCE, "", "Entrance", "出入口"),
    (r"zoulang|tongdao|corridor|hallway|走廊|通道", ZoneKind.CORRIDOR, "", "Corridor", "走廊"),
)  # fmt: skip

# Names that plans give in pinyin, as the signs over the doors give them.
_BRANDS = {
    "bairuiji": ("Bairuiji", "百瑞吉"),
    "baoliziSpa": ("Pola Spa", "宝丽姿SPA"),
    "bishengke": ("Pizza Hut", "必胜客"),
    "bonaguojiyingcheng": ("Bona Cinemas", "博纳国际影城"),
    "diqianong": ("Decathlon", "迪卡侬"),
    "haimatizhaoxiangguan&ertong": ("Himo Photo", "海马体照相馆"),
    "heibai": ("Heibai", "黑白"),
    "huangxiaolu": ("Huangxiaolu", "黄小鹿"),
    "KFCtianpinzhan": ("KFC Dessert Station", "KFC甜品站"),
    "laidian": ("Laidian", "来电"),
    "laofengxiang": ("Lao Feng Xiang", "老凤祥"),
    "laomiao": ("Laomiao", "老庙"),
    "mianbaoxinyu": ("BreadTalk", "面包新语"),
    "mingpai": ("Mingpai", "明牌"),
    "mumawangguo": ("Muma Kingdom", "木马王国"),
    "quanjia": ("FamilyMart", "全家"),
    "tongshifu": ("Tongshifu", "铜师傅"),
    "wuyinliangpin": ("MUJI", "无印良品"),
    "xiaomizhijia": ("Mi Home", "小米之家"),
    "yageer": ("Youngor", "雅戈尔"),
    "zhoudafu": ("Chow Tai Fook", "周大福"),
    "zhubaoweixiu": ("Jewellery repairs", "珠宝维修"),
    "zhuawawaji": ("Claw machines", "抓娃娃机"),
    "zhuangxiu": ("Under refurbishment", "装修"),
}


# Ids of the provider's catalogue of categories, from general to special, as its maps carry them.
_CATALOGUE = {
    "5d35733bdb07255e495599ac": "food",
    "5d35733edb07255e495599ed": "shopping",
    "5d357342db07255e49559a41": "services",
    "5d357344db07255e49559a75": "leisure",
    "5d35734bdb07255e49559b0b": "education",
    "5d35733edb07255e495599f2": "groceries",
    "5d35733edb07255e495599f5": "electronics",
    "5d357340db07255e49559a1e": "sports",
    "5d357341db07255e49559a28": "fashion",
    "5d357341db07255e49559a2f": "jewellery",
    "5d357341db07255e49559a34": "children",
    "5d357342db07255e49559a3f": "beauty",
}


def category_of(ids: Iterable[str]) -> str:
    """Return the most special category that the catalogue knows of these ids (general first), or ""."""
    known = [_CATALOGUE[an_id] for an_id in ids if an_id in _CATALOGUE]
    return known[-1] if known else ""


def is_closed(name: str) -> bool:
    """Tell whether a plan marks this polygon as one that the public does not enter."""
    return name.strip().lower() in CLOSED


def place_of(name: str, area_m2: float, category: str = "") -> Place:
    """Return what a polygon is, from its name on a plan (or its category there) and its size."""
    plain = unescape(name).strip() or "Unnamed"
    for pattern, kind, what, en, zh in _KINDS:
        if re.fullmatch(pattern, plain, re.IGNORECASE) or re.search(
            rf"\b(?:{pattern})\b", plain, re.IGNORECASE
        ):
            return Place(Name(en=en, zh=zh), kind, what)
    en, zh = _BRANDS.get(plain, (_readable(plain), plain if _is_chinese(plain) else _readable(plain)))
    if area_m2 < KIOSK_M2:
        return Place(Name(en=en, zh=zh), ZoneKind.FACILITY, "kiosk")
    return Place(Name(en=en, zh=zh), ZoneKind.SHOP, category)


class Ids:
    """Ids for zones that follow from their names, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def take(self, *words: str) -> str:
        """Return an id of letters, digits and hyphens made of the words; a number tells equal ones apart."""
        parts = [slug for word in words if (slug := slug_of(word))]
        stem = "-".join(parts)[:56].strip("-") or "zone"
        an_id, number = stem, 1
        while an_id in self._given:
            number += 1
            an_id = f"{stem}-{number}"
        self._given.add(an_id)
        return an_id


def slug_of(text: str) -> str:
    """Return lower-case ASCII letters and digits with single hyphens; empty if the text has none."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _readable(name: str) -> str:
    return name.capitalize() if name.islower() else name


def _is_chinese(name: str) -> bool:
    return any("一" <= character <= "鿿" for character in name)
