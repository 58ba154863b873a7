"""The script that Streamlit runs: `streamlit run app.py`, or the command `latent-explorer`."""

from latent_explorer.app import main

main()
