# What Cython's own declarations of CPython's interface lack.
cdef extern from "Python.h":
    void PyObject_GC_Track(object)
    void PyObject_GC_UnTrack(object)
    void Py_SET_SIZE(object, Py_ssize_t)
    bint PyUnicode_IS_ASCII(object)
