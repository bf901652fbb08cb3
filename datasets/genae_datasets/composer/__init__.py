"""Songs from simple rules: harmony by function, melodies as cheapest paths, bass and drums by style.

    dice      whole numbers at random, the same everywhere
    harmony   keys, modes, chords, progressions that end in cadences
    melody    rhythm and motive to the line that breaks the fewest rules
    styles    what a rock song plays and a bossa does not
    band      bass and drums
    song      form: sections of eight bars, repeated and varied

Time is in steps of a sixteenth, 16 to a bar of 4/4.
"""
