/* Put into zeroc-ice's src/Config.h: two functions that it calls and that Python 3.13 no longer has, written with
   what replaces them (docs.python.org, "What's New In Python 3.13", removed C APIs). */
#if PY_VERSION_HEX >= 0x030D0000
#define PyEval_CallObject PyObject_CallObject

/* The caller keeps the object alive while it reads, as the old function asked of it. */
static inline int PyObject_AsReadBuffer(PyObject* object, const void** data, Py_ssize_t* size)
{
    Py_buffer view;
    if(PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) != 0)
    {
        return -1;
    }
    *data = view.buf;
    *size = view.len;
    PyBuffer_Release(&view);
    return 0;
}
#endif
