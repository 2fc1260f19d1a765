"""
The steps of rating, one file a step; `billing.rating` runs them in order.

A step prices a use (`segments`), and says how much of the funds it leaves for the steps behind it when the longest affordable use is looked for.
"""
