"""Figures: arrays in, Plotly figures out; no Streamlit here."""
