"""A figure as a person reads it."""


def figure_text(figure: float) -> str:
    """Three decimals, or four digits where these would hide what it says; whole numbers without decimals."""
    if abs(figure) >= 1000 or figure == round(figure, 0):
        return f"{figure:,.0f}"
    return f"{figure:.3f}" if figure == round(figure, 3) else f"{figure:.4g}"
