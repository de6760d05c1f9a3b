"""What each difficulty of the synthetic payment world costs the model.

Figures of a world that was made to be found say little; what they lose when it is made harder says more.
"""
