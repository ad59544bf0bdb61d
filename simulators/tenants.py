"""Who is where in the simulated mall: names, trades, and the spot on the drawing each room is found by.

All names are invented. Positions are (u, v) in metres on the straightened plan of `simulators.drawing`.
"""

from dataclasses import dataclass

from contracts.site import ZoneKind


@dataclass(frozen=True, slots=True)
class Room:
    """One room of the directory; `at` is any point inside it."""

    id: str
    en: str
    zh: str
    category: str
    at: tuple[float, float]
    kind: ZoneKind = ZoneKind.SHOP
    capacity: int | None = None


_C, _E, _V, _F = ZoneKind.CORRIDOR, ZoneKind.ENTRANCE, ZoneKind.VERTICAL, ZoneKind.FACILITY

GROUND = (
    # the anchors
    Room("halden-1", "Halden & Rowe", "恒澜百货", "department", (-62, 0), capacity=600),
    Room("fieldmart", "Fieldmart", "田集超市", "grocery", (62, -16), capacity=500),
    # the south side, west to east
    Room("arlo-knit", "Arlo Knit", "雅络针织", "fashion", (-46, -36)),
    Room("north-pier", "North Pier", "北埠男装", "fashion", (-28, -38)),
    Room("velmora", "Velmora", "薇摩拉", "beauty", (-19, -38)),
    Room("tenko", "Tenko", "天工数码", "electronics", (-10.5, -36)),
    Room("lumi-cafe", "Lumi Coffee", "鹿米咖啡", "cafe", (9, -36)),
    Room("stride-lab", "Stride Lab", "迈步实验室", "sports", (19, -38)),
    Room("oriane", "Oriane", "欧莉安", "fashion", (30, -36)),
    Room("tern-travel", "Tern Travel", "燕鸥箱包", "fashion", (45, -38)),
    # the north side, west to east
    Room("kin-bloom", "Kin & Bloom", "亲禾童装", "kids", (-58, 30)),
    Room("marlow-home", "Marlow Home", "陌上家居", "home", (-46, 39)),
    Room("nutshell", "Nutshell", "坚果铺", "food", (-31, 38)),
    Room("pagewell", "Pagewell Books", "页间书店", "books", (-15, 38)),
    Room("optika-nine", "Optika Nine", "九目眼镜", "services", (9, 38)),
    Room("cedar-salt", "Cedar & Salt", "杉盐香氛", "beauty", (16.5, 38)),
    Room("mori-run", "Mori Run", "森跑", "sports", (33, 38)),
    Room("fern-field", "Fern & Field", "蕨野园艺", "home", (47, 38)),
    Room("atelier-vos", "Atelier Vos", "沃斯工坊", "fashion", (63, 26)),
    # the island, west of the atrium
    Room("baobei-park", "Baobei Park", "贝乐园", "kids", (-38, 11)),
    Room("sable", "Sable & Son", "墨裘", "fashion", (-27, 11)),
    Room("pico-toys", "Pico Toys", "皮可玩具", "kids", (-38, -11)),
    Room("linnea", "Linnea", "林奈雅", "fashion", (-27, -11)),
    # the island, east of the atrium
    Room("hexa-mobile", "Hexa Mobile", "六方手机", "electronics", (27, 11)),
    Room("daybreak", "Daybreak Bakery", "破晓烘焙", "food", (38, 11)),
    Room("quill-co", "Quill & Co", "羽笔文具", "home", (27, -11)),
    Room("sunda-tea", "Sunda Tea", "巽茶", "cafe", (38, -11)),
    # the small shops around the atrium
    Room("aurelle", "Aurelle", "奥蕊珠宝", "jewellery", (-14, 17)),
    Room("jade-lane", "Jade Lane", "玉巷", "jewellery", (-6, 17)),
    Room("tide-watches", "Tide Watches", "潮时钟表", "jewellery", (6, 17)),
    Room("nori-nail", "Nori Nails", "诺丽美甲", "services", (14, 17)),
    Room("minto", "Minto Gelato", "薄荷冰品", "cafe", (-14, -17)),
    Room("socksmith", "Socksmith", "袜匠", "fashion", (-6, -17)),
    Room("case-bar", "Case Bar", "壳吧", "electronics", (6, -17)),
    Room("petal", "Petal & Stem", "半枝花房", "services", (14, -17)),
    # where people walk
    Room("atrium", "Atrium", "中庭", "", (0, 0), _C),
    Room("north-promenade-1", "North Promenade", "北步道", "", (0, 25), _C),
    Room("south-promenade-1", "South Promenade", "南步道", "", (0, -25), _C),
    Room("west-walk-1", "West Walk", "西步道", "", (-48, 0), _C),
    Room("east-walk-1", "East Walk", "东步道", "", (48, 0), _C),
    Room("west-arcade-1", "West Arcade", "西拱廊", "", (-25, 0), _C),
    Room("east-arcade-1", "East Arcade", "东拱廊", "", (25, 0), _C),
    Room("north-passage-1", "North Passage", "北通道", "", (0, 17), _C),
    Room("south-passage-1", "South Passage", "南通道", "", (0, -17), _C),
    # the ways in, up and out
    Room("south-gate", "Lakeside Gate", "湖滨门", "", (0, -36), _E),
    Room("bus-gate", "Bus Station Gate", "公交枢纽门", "", (-35.5, -38), _E),
    Room("metro-gate", "Metro Gate", "地铁门", "", (24, 38), _E),
    Room("park-gate", "Car Park Gate", "停车场门", "", (62, 7.5), _E),
    Room("escalator-west-1", "West Escalator", "西扶梯", "", (-32.5, 0), _V),
    Room("escalator-east-1", "East Escalator", "东扶梯", "", (32.5, 0), _V),
    Room("lift-1", "Lifts", "电梯", "", (-3, 32), _V),
    Room("toilets-1", "Toilets", "洗手间", "", (3, 38), _F),
    Room("service-desk", "Service Desk", "服务台", "", (61, 13.5), _F),
)

UPPER = (
    Room("halden-2", "Halden & Rowe L2", "恒澜百货二层", "department", (-62, 0), capacity=500),
    Room("orbit-cinema", "Orbit Cinema", "环宇影城", "entertainment", (62, -16), capacity=420),
    Room("food-court", "Canopy Food Court", "云亭美食广场", "food_court", (22, 38), capacity=480),
    # the south side, west to east
    Room("red-lantern", "Ember & Lantern", "烬灯火锅", "restaurant", (-46, -36)),
    Room("sora-ramen", "Sora Ramen", "空拉面", "restaurant", (-31, -38)),
    Room("casa-limone", "Casa Limone", "柠舍意餐", "restaurant", (-17, -38)),
    Room("yunnan-pot", "Cloud Kitchen", "云上滇菜", "restaurant", (0, -36)),
    Room("brio-fitness", "Brio Fitness", "跃动健身", "sports", (19, -38)),
    Room("fable-studio", "Fable Studio", "童话工坊", "kids", (35, -36)),
    Room("lotus-spa", "Lotus Spa", "莲语水疗", "services", (49, -36)),
    # the north side, west to east
    Room("wick-home", "Wick & Oak", "木芯生活", "home", (-46, 37)),
    Room("canvas-art", "Canvas Yard", "画布集", "books", (-31, 38)),
    Room("pulse-arcade", "Pulse Arcade", "脉冲电玩", "entertainment", (-15, 38)),
    Room("summit-gear", "Summit Gear", "峰行户外", "sports", (63, 26)),
    # the island, west of the atrium
    Room("indigo-row", "Indigo Row", "靛青牛仔", "fashion", (-38, 11)),
    Room("maison-lune", "Maison Lune", "月舍", "fashion", (-27, 11)),
    Room("kite-kids", "Kite Kids", "纸鸢童鞋", "kids", (-38, -11)),
    Room("hush-sleep", "Hush Sleep", "静眠家纺", "home", (-27, -11)),
    # the island, east of the atrium
    Room("voltbox", "Voltbox", "伏特盒子", "electronics", (27, 11)),
    Room("gamma-games", "Gamma Games", "伽马游戏", "electronics", (38, 11)),
    Room("silk-route", "Silk Thread", "丝缕旗袍", "fashion", (27, -11)),
    Room("matcha-house", "Matcha Yard", "抹茶院", "cafe", (38, -11)),
    # the small shops around the atrium
    Room("glow-bar", "Glow Bar", "焕光美妆", "beauty", (-10, 17)),
    Room("loop-bags", "Loop Bags", "环包袋", "fashion", (10, 17)),
    Room("hanko", "Hanko Prints", "印社", "services", (-10, -17)),
    Room("coil-audio", "Coil Audio", "线圈音响", "electronics", (10, -17)),
    # where people walk
    Room("gallery", "Atrium Gallery", "中庭回廊", "", (17, 0), _C),
    Room("north-promenade-2", "North Gallery", "北回廊", "", (0, 25), _C),
    Room("south-promenade-2", "South Gallery", "南回廊", "", (0, -25), _C),
    Room("west-walk-2", "West Gallery", "西回廊", "", (-48, 0), _C),
    Room("east-walk-2", "East Gallery", "东回廊", "", (48, 0), _C),
    Room("west-arcade-2", "West Arcade L2", "西拱廊二层", "", (-25, 0), _C),
    Room("east-arcade-2", "East Arcade L2", "东拱廊二层", "", (25, 0), _C),
    Room("north-passage-2", "North Passage L2", "北通道二层", "", (0, 17), _C),
    Room("south-passage-2", "South Passage L2", "南通道二层", "", (0, -17), _C),
    # the ways in, up and out
    Room("sky-bridge", "Sky Bridge", "空中连廊", "", (62, 7.5), _E),
    Room("escalator-west-2", "West Escalator L2", "西扶梯二层", "", (-32.5, 0), _V),
    Room("escalator-east-2", "East Escalator L2", "东扶梯二层", "", (32.5, 0), _V),
    Room("lift-2", "Lifts L2", "电梯二层", "", (-3, 32), _V),
    Room("toilets-2", "Toilets L2", "洗手间二层", "", (3, 38), _F),
    Room("nursery", "Nursing Room", "母婴室", "", (61, 13.5), _F),
)
