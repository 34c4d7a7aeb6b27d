"""The second track: radiance fields in the latent space of an autoencoder."""
