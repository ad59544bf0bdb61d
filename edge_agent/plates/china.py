"""Plates of mainland China: GA 36-2018, "License plates of motor vehicles of the People's Republic of China".

New-energy plates with the letters that the Ministry of Public Security added when D and F ran out. Temporary
paper plates and civil-aviation plates are left out.
"""

from edge_agent.plates.grammar import Format

_SERIAL5 = "{serial}" * 5
_SERIAL4 = "{serial}" * 4

CHINA = (
    Format("CN", "car", "{p}{office}" + _SERIAL5, 1.0),
    Format("CN", "new-energy small", "{p}{office}{energy}{serial}####", 0.5),
    Format("CN", "new-energy large", "{p}{office}#####{energy}", 0.05),
    Format("CN", "learner", "{p}{office}" + _SERIAL4 + "学", 0.05),
    Format("CN", "police", "{p}{office}" + _SERIAL4 + "警", 0.05),
    Format("CN", "trailer", "{p}{office}" + _SERIAL4 + "挂", 0.02),
    Format("CN", "Hong Kong", "粤Z" + _SERIAL4 + "港", 0.05),
    Format("CN", "Macao", "粤Z" + _SERIAL4 + "澳", 0.05),
    Format("CN", "consulate", "{p}{office}####领", 0.01),
    Format("CN", "embassy", "######使", 0.005),
    Format("CN", "embassy", "使######", 0.005),  # until 2018
    Format("CN", "emergency", "{p}{office}####应急", 0.005),
    Format("CN", "army", "{army}@#####", 0.005),
)
