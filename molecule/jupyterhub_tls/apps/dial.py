"""A person's page, by Shiny: everything that changes on it comes over a websocket."""

from shiny import App, render, ui

page = ui.page_fluid(ui.input_numeric("number", "Number", 6), ui.output_text("answer"))


def answers(input, output, session):
    @render.text
    def answer():
        return f"seven times that is {7 * (input.number() or 0)}"


app = App(page, answers)
