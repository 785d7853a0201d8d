"""Transforms that turn the plane, space or the sphere, and projections of the sphere, as descriptions."""

from hexcal.models.wcs.transforms import Transform


class Rotation2D(Transform):
    """A turn of the plane by an angle, degrees."""

    tag, parameters = "asdf/transform/rotate2d-1.5.0", (("angle", "number"),)
    inputs = outputs = ("x", "y")

    def __init__(self, angle, name=None):
        super().__init__(name)
        self.angle = float(angle)

    def _opposite(self):
        return Rotation2D(-self.angle)


class RotationSequence3D(Transform):
    """Turns of space about its axes, one after the other; angles in degrees."""

    tag, parameters = "asdf/transform/rotate_sequence_3d-1.2.0", (("angles", "numbers"), ("axes_order", "text"))
    fixed = {"rotation_type": "cartesian"}
    inputs = outputs = ("x", "y", "z")

    def __init__(self, angles, axes_order, name=None):
        super().__init__(name)
        self.angles, self.axes_order = tuple(map(float, angles)), axes_order

    def _opposite(self):
        return type(self)([-angle for angle in self.angles[::-1]], self.axes_order[::-1])


class SphericalRotationSequence(RotationSequence3D):
    """Turns of the sphere about the axes of space."""

    fixed = {"rotation_type": "spherical"}
    inputs, outputs = ("lon", "lat"), ("lon", "lat")


class RotateNative2Celestial(Transform):
    """From native coordinates of a projection to the sky: place of its pole, and longitude of the celestial pole."""

    tag = "asdf/transform/rotate3d-1.5.0"
    inputs, outputs = ("phi_N", "theta_N"), ("alpha_C", "delta_C")
    direction = "native2celestial"

    def __init__(self, lon, lat, lon_pole, name=None):
        super().__init__(name)
        self.lon, self.lat, self.lon_pole = float(lon), float(lat), float(lon_pole)

    def _opposite(self):
        return RotateCelestial2Native(self.lon, self.lat, self.lon_pole)


class RotateCelestial2Native(RotateNative2Celestial):
    """From the sky to native coordinates of a projection."""

    inputs, outputs = ("alpha_C", "delta_C"), ("phi_N", "theta_N")
    direction = "celestial2native"

    def _opposite(self):
        return RotateNative2Celestial(self.lon, self.lat, self.lon_pole)


class Pix2Sky_Gnomonic(Transform):
    """From the tangent plane, degrees, to native coordinates."""

    tag, fixed = "asdf/transform/gnomonic-1.4.0", {"direction": "pix2sky"}
    inputs, outputs = ("x", "y"), ("phi", "theta")

    def _opposite(self):
        return Sky2Pix_Gnomonic()


class Sky2Pix_Gnomonic(Transform):
    """From native coordinates to the tangent plane, degrees."""

    tag, fixed = "asdf/transform/gnomonic-1.4.0", {"direction": "sky2pix"}
    inputs, outputs = ("phi", "theta"), ("x", "y")

    def _opposite(self):
        return Pix2Sky_Gnomonic()


class SphericalToCartesian(Transform):
    """From longitude and latitude, degrees, to a unit vector."""

    tag, parameters = "gwcs/spherical_cartesian-1.3.0", (("wrap_lon_at", "plain"),)
    fixed = {"transform_type": "spherical_to_cartesian"}
    inputs, outputs = ("lon", "lat"), ("x", "y", "z")

    def __init__(self, wrap_lon_at=360, name=None):
        super().__init__(name)
        self.wrap_lon_at = wrap_lon_at

    def _opposite(self):
        return CartesianToSpherical(self.wrap_lon_at)


class CartesianToSpherical(SphericalToCartesian):
    """From a vector to longitude and latitude, degrees."""

    fixed = {"transform_type": "cartesian_to_spherical"}
    inputs, outputs = ("x", "y", "z"), ("lon", "lat")

    def _opposite(self):
        return SphericalToCartesian(self.wrap_lon_at)
