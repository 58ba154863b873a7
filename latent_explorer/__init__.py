"""Front end of the latent explorer: components, pages, plots."""
