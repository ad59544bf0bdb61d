"""How many people there are, from what is heard of their devices: with honest intervals.

``heard`` makes numbers of a window's observations, ``index`` one number of those, ``response`` says how it
answers to people, ``turnover`` how their number changes, ``follow`` puts these together window by window,
``model`` learns all of it from counted windows and ``check`` says how well, on days left out. ``ratio`` is
the small model of a mall, whose devices have been found and only need to be turned into people.
"""
