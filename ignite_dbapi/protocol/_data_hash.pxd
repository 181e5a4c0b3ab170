# The hash of an object's data, for the compiled forms of hashing and of the encoder of table rows.


cdef inline unsigned int hash_of_data(const unsigned char *data, Py_ssize_t size) noexcept:
    """Java's hash of so many signed bytes."""
    # The sum wraps around, as Java's int does. Four bytes at a time, because each step has to wait for the one before.
    cdef const signed char *source = <const signed char *> data
    cdef unsigned int word = 1
    cdef Py_ssize_t place = 0
    while place + 4 <= size:
        word = (
            923_521 * word
            + 29_791 * <unsigned int> source[place]
            + 961 * <unsigned int> source[place + 1]
            + 31 * <unsigned int> source[place + 2]
            + <unsigned int> source[place + 3]
        )
        place += 4
    while place < size:
        word = 31 * word + <unsigned int> source[place]
        place += 1
    return word
