"""What do its units see? Network dissection: units against pixel-wise masks of concepts.

Source: Bau, Zhou, Khosla, Oliva, Torralba, "Network Dissection", CVPR 2017.
"""
