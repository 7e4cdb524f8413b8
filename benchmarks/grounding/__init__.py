"""A public test of grounding: no entity lost, none shifted by a character, in any format and with any offsets."""
