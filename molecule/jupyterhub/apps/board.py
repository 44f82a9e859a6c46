"""A person's page, by Dash: board.py PORT PREFIX."""

import sys

from dash import Dash, Input, Output, dcc, html

port, prefix = sys.argv[1:]
app = Dash(requests_pathname_prefix=prefix, routes_pathname_prefix="/")
app.layout = html.Div([dcc.Input(id="number", type="number", value=6), html.Output(id="answer")])


@app.callback(Output("answer", "children"), Input("number", "value"))
def answer(number):
    return f"seven times that is {7 * (number or 0)}"


app.run(host="127.0.0.1", port=int(port))
