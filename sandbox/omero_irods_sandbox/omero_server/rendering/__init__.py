"""From planes to pictures: rendering settings, the renderer, thumbnails."""
